"""Where a cell's output and questions go in IPython: its displays, its error messages, its input."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping
from typing import Any

from ..facts.errors import CodeError, EngeeError
from ..facts.events import Input
from ..messages.tracebacks import own_error_content
from .background import Background


class Shown:
    """A Julia value as Julia shows it, e.g. a plot: what a cell ends with."""

    def __init__(self, data: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        self._data = dict(data)
        self._metadata = dict(metadata)

    def __repr__(self) -> str:
        return str(self._data.get("text/plain", "<a value in Engee>"))

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return self._data, self._metadata


class JuliaError(CodeError):
    """The person's Julia code raised. Its class is named after Julia's type of error."""

    _lines: list[str]

    def _render_traceback_(self) -> list[str]:
        """Called by IPython: Julia's frames, in place of those of Python that led there."""
        return self._lines


class Screen:
    """One cell's front end: `send` and `ask` for a Publisher. `result` is the value of its last expression."""

    def __init__(self, shell: Any, background: Background) -> None:
        self._shell = shell
        self._background = background
        self.result: Shown | None = None
        self.failure: Mapping[str, Any] | None = None

    @property
    def is_notebook(self) -> bool:
        """Whether displays can be replaced; a terminal can't."""
        return hasattr(self._shell, "kernel")

    @property
    def takes_input(self) -> bool:
        return bool(getattr(getattr(self._shell, "kernel", None), "_allow_stdin", True))

    def send(self, kind: str, content: Mapping[str, Any]) -> None:
        """Called in the loop; shown by the thread that waits."""
        if kind == "execute_result":
            self.result = Shown(content["data"], content["metadata"])
        elif kind == "error":
            self.failure = content
        else:
            self._background.post(lambda: self._show(kind, content))

    async def ask(self, prompt: Input) -> str | None:
        """A line, None for end of input."""
        return await self._background.asked(lambda: self._read(prompt))

    def raise_failure(self) -> None:
        """Raises JuliaError where the code raised."""
        if self.failure is None:
            return
        name = str(self.failure["ename"]).replace("\0", "") or "JuliaError"
        kind: type[JuliaError] = type(name, (JuliaError,), {"__module__": "engee_kernel"})
        lines = [str(line) for line in self.failure["traceback"]]
        error = kind(name, str(self.failure["evalue"]), "\n".join(lines))
        error._lines = lines
        raise error

    def _show(self, kind: str, content: Mapping[str, Any]) -> None:
        if kind == "stream":
            stream = sys.stdout if content["name"] == "stdout" else sys.stderr
            stream.write(content["text"])
            stream.flush()
        elif kind == "clear_output":
            self._shell.display_pub.clear_output(wait=content["wait"])
        else:
            update = kind == "update_display_data"
            self._shell.display_pub.publish(
                dict(content["data"]),
                dict(content.get("metadata") or {}),
                transient=dict(content.get("transient") or {}),
                update=update,
            )

    def _read(self, prompt: Input) -> str | None:
        try:
            return getpass.getpass(prompt.prompt) if prompt.password else input(prompt.prompt)
        except EOFError:
            return None


def without_python_frames(error: EngeeError) -> EngeeError:
    """The error, which IPython will show as the Engee kernel does: what happened, and the next step."""
    if not isinstance(error, JuliaError):
        lines = own_error_content(error)["traceback"]
        error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
    return error
