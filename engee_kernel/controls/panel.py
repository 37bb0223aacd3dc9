"""The controls of one cell as ipywidgets, and the area below them that shows what the last run put out."""

from __future__ import annotations

import asyncio
import html
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import ipywidgets

from ..masks.form import Form, Note
from ..masks.mask import Mask
from .area import Area

VIEW = "application/vnd.jupyter.widget-view+json"
SHOW_EVERY_S = 0.1
"""How often what is shown is sent while code puts out: all of it each time."""
DESCRIPTION_WIDTH = "140px"
ROW_WIDTH = "460px"


class Panel:
    """`changed` is called when a control has a new value, `wrote` when the person wants the values in the code.

    It is the `Screen` of the cell's runs; `forward` takes messages that are not for it.
    """

    def __init__(
        self,
        form: Form,
        *,
        changed: Callable[[], None],
        wrote: Callable[[], Coroutine[Any, Any, None]],
        forward: Callable[[str, Mapping[str, Any]], None],
    ) -> None:
        ipywidgets.register_comm_target()  # by itself it does so in IPython only
        self.form = form
        self._changed = changed
        self._forward = forward
        self._area = Area()
        self._shown_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._codes = [form.text(mask) for mask in form.masks]
        self._troubles: dict[int, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._status = ipywidgets.HTML()
        self._output = ipywidgets.Output()
        button = ipywidgets.Button(
            description="Write into the cell", icon="pencil", tooltip="Put these values into the cell's code"
        )
        button.layout.width = "auto"
        button.on_click(lambda _: self._begin(wrote()))
        self._box = ipywidgets.VBox(
            [*self._rows(), ipywidgets.HBox([button]), self._status, self._output],
        )

    # What the person sees

    def bundle(self) -> dict[str, Any]:
        """The display that shows the panel."""
        names = ", ".join(mask.name for mask in self.form.masks)
        text = (
            f"Controls for {names}. This page shows no widgets, nor what the cell puts out: install ipywidgets where "
            "JupyterLab runs and reload the page, or run the cell without controls."
        )
        return {VIEW: {"version_major": 2, "version_minor": 0, "model_id": self._box.model_id}, "text/plain": text}

    def say(self, text: str, code: str = "") -> None:
        """A line below the controls, and code to copy."""
        shown = f"<i>{html.escape(text)}</i>" if text else ""
        self._status.value = shown + (f"<pre>{html.escape(code)}</pre>" if code else "")

    def close(self) -> None:
        """Take the controls off the page."""
        if self._timer is not None:
            self._timer.cancel()
        for widget in _with_children(self._box):
            widget.close()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Values

    @property
    def codes(self) -> tuple[str, ...]:
        """The code of each mask's present value; one that can't be written stays as it was."""
        return tuple(self._codes)

    def code(self) -> str:
        """The cell's code with the present values."""
        return self.form.with_codes(self._codes)

    def _rows(self) -> list[Any]:
        rows: list[Any] = []
        number = 0
        for item in self.form.items:
            if isinstance(item, Note):
                rows.append(ipywidgets.HTML(_note(item)))
                continue
            control = control_for(item)
            control.observe(self._observer(number, item), "value")
            rows.append(control)
            number += 1
        return rows

    def _observer(self, number: int, mask: Mask) -> Callable[[Any], None]:
        def observe(change: Any) -> None:
            try:
                self._codes[number] = mask.code(change["new"])
            except ValueError as error:
                self._troubles[number] = f"{mask.name}: {error}. The last value stays."
            else:
                self._troubles.pop(number, None)
            self.say(" ".join(self._troubles.values()))
            if number not in self._troubles:
                self._changed()

        return observe

    # The screen

    def begin_again(self) -> None:
        """Another run begins: what it puts out replaces what is shown."""
        self._area.clear_at_next()

    def send(self, kind: str, content: Mapping[str, Any]) -> None:
        if not self._area.take(kind, content):
            self._forward(kind, content)
        elif self._timer is None:
            wait_s = max(0.0, self._shown_at + SHOW_EVERY_S - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._show)

    def over(self) -> None:
        self._area.settle()
        self._show()

    def _show(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._shown_at = time.monotonic()
        self._output.outputs = tuple(self._area.outputs)


def control_for(mask: Mask) -> Any:  # noqa: PLR0911 - a table, one line a kind
    """The widget for a mask."""
    common = {
        "description": mask.name,
        "style": {"description_width": DESCRIPTION_WIDTH},
        "layout": {"width": ROW_WIDTH},
    }
    if mask.kind == "boolean":
        return ipywidgets.Checkbox(value=bool(mask.value), **common)
    if mask.kind == "list" and mask.free:
        label = next(choice.label for choice in mask.choices if choice.code == mask.value)
        options = [choice.label for choice in mask.choices]
        return ipywidgets.Combobox(value=label, options=options, continuous_update=False, **common)
    if mask.kind == "list":
        pairs = [(choice.label, choice.code) for choice in mask.choices]
        return ipywidgets.Dropdown(options=pairs, value=mask.value, **common)
    if mask.kind in ("string", "raw"):
        return ipywidgets.Text(value=str(mask.value), placeholder=mask.placeholder, continuous_update=False, **common)
    number = int if mask.is_whole else float
    given = {"min": mask.minimum, "max": mask.maximum, "step": mask.step}
    limits = {name: number(limit) for name, limit in given.items() if limit is not None}
    value = number(mask.value)
    if mask.kind == "slider":
        if mask.is_whole:
            return ipywidgets.IntSlider(value=value, continuous_update=False, **limits, **common)
        form = f".{mask.decimals}f"
        return ipywidgets.FloatSlider(value=value, readout_format=form, continuous_update=False, **limits, **common)
    if "min" in limits and "max" in limits:
        kind = ipywidgets.BoundedIntText if mask.is_whole else ipywidgets.BoundedFloatText
    else:
        kind = ipywidgets.IntText if mask.is_whole else ipywidgets.FloatText
        limits = {name: limit for name, limit in limits.items() if name == "step"}
    return kind(value=value, continuous_update=False, **limits, **common)


def _note(note: Note) -> str:
    if note.is_title:
        return f"<b>{html.escape(note.text)}</b>"
    from markdown_it import MarkdownIt  # noqa: PLC0415 - for this only

    rendered = str(MarkdownIt("commonmark", {"html": False}).render(note.text))
    return f'<div style="line-height: 1.4">{rendered.replace("<p>", "<p style=margin:0>")}</div>'


def _with_children(widget: Any) -> list[Any]:
    found = [part for child in getattr(widget, "children", ()) for part in _with_children(child)]
    # a widget's layout and style are models of their own
    return [widget, *found, *(part for name in ("layout", "style") if (part := getattr(widget, name, None)))]
