"""An output area as front ends have it, as a list of nbformat's outputs. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Output = dict[str, Any]


class Area:
    """What Jupyter messages amount to; `take` is called for each of them, in order."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self._ids: list[str] = []
        self._clears_next = False

    def take(self, kind: str, content: Mapping[str, Any]) -> bool:
        """Whether the message was for this area: an update may be of a display that is elsewhere."""
        if kind == "clear_output":
            self._clears_next = bool(content.get("wait"))
            if not self._clears_next:
                self._clear()
        elif kind == "update_display_data":
            return self._update(content)
        elif kind in ("stream", "display_data", "execute_result", "error"):
            if self._clears_next:
                self._clear()
            self._clears_next = False
            self._add(kind, content)
        else:
            return False
        return True

    def clear_at_next(self) -> None:
        """What is shown stays until something replaces it."""
        self._clears_next = True

    def settle(self) -> None:
        """Nothing more comes: what was to be cleared is."""
        if self._clears_next:
            self._clear()

    def _clear(self) -> None:
        self.outputs.clear()
        self._ids.clear()
        self._clears_next = False

    def _add(self, kind: str, content: Mapping[str, Any]) -> None:
        if kind == "stream":
            last = self.outputs[-1] if self.outputs else {}
            if (last.get("output_type"), last.get("name")) == (kind, content["name"]):
                self.outputs[-1] = {**last, "text": overwritten(last["text"] + content["text"])}
                return
        transient = content.get("transient") or {}
        self.outputs.append({"output_type": kind, **{key: content[key] for key in content if key != "transient"}})
        self._ids.append(str(transient.get("display_id") or ""))

    def _update(self, content: Mapping[str, Any]) -> bool:
        wanted = str((content.get("transient") or {}).get("display_id") or "")
        found = [at for at, known in enumerate(self._ids) if known == wanted and wanted]
        for at in found:
            self.outputs[at] = {**self.outputs[at], "data": content["data"], "metadata": content.get("metadata") or {}}
        return bool(found)


def overwritten(text: str) -> str:
    """The text without what a carriage return and as many letters behind it have hidden, as of a progress bar."""
    if "\r" not in text:
        return text
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(_overwritten_line(line) for line in lines)


def _overwritten_line(line: str) -> str:
    *before, last = line.split("\r")
    if before and not last:  # what comes next will be written over it
        return _overwritten_line("\r".join(before)) + "\r"
    shown = ""
    for part in (*before, last):
        shown = part + shown[len(part) :]
    return shown
