"""A cell's output on its way to the front end: Jupyter messages, each with the cell as its parent."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..facts.errors import EngeeError
from ..facts.events import Clear, Display, Done, Event, Failure, Input, Result, Stream
from .bundles import without_twins
from .lifesign import LifeSign, Send
from .tracebacks import error_content, own_error_content

Ask = Callable[[Input], Awaitable[str | None]]


# an escape sequence that is not finished, or a carriage return that may belong to a line end
_UNFINISHED = re.compile(r"(?:\x1b(?:\[[0-9;?]*)?|\r)\Z")
MAX_UNFINISHED = 32


class Publisher:
    """One cell's output. `send(msg_type, content)` puts a message on iopub; `ask` asks the front end for a line.

    Until something comes, a display says that the cell is alive and for how long; it goes away with the first
    output. Streams are never cut inside an escape sequence or between CR and LF, so that progress bars
    survive any chunking.

    `alone` False: other output may be in the cell before, which taking the display away would clear: there is none.
    `life_sign` False: the front end can't take a display away again.
    """

    def __init__(
        self,
        send: Send,
        ask: Ask,
        *,
        execution_count: int,
        silent: bool = False,
        alone: bool = True,
        life_sign: bool = True,
    ) -> None:
        self._send = send
        self._ask = ask
        self._execution_count = execution_count
        self._silent = silent
        self._held: dict[str, str] = {}
        self._clears_next = False
        self._outputs = 0
        self.failure: Mapping[str, Any] | None = None
        self.done: Done | None = None
        self._life = LifeSign(send, lambda: self._outputs > 0 or not alone, self.notice)
        self._shows_life = life_sign and not silent

    async def __aenter__(self) -> Publisher:
        if self._shows_life:
            self._life.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._life.end()
        self._flush()

    def redirect(self, send: Send) -> None:
        """From now on messages go there, to an area in which nothing is yet."""
        self._flush()
        self._life.redirect(send)
        self._send = send
        self._outputs = 0

    def condition(self, text: str) -> None:
        self._life.condition = text

    def notice(self, text: str) -> None:
        self._stream("stderr", text.rstrip("\n") + "\n")

    async def ask(self, prompt: Input) -> str | None:
        self._flush()
        self._life.hide(before="")
        self._life.paused = True
        try:
            return await self._ask(prompt)
        finally:
            self._life.paused = False

    async def publish(self, event: Event) -> None:
        if isinstance(event, Stream):
            self._stream(event.name, event.text)
            return
        self._flush()
        if isinstance(event, Done):
            self.done = event
        elif isinstance(event, Clear):
            self._clear(event.wait)
        elif isinstance(event, Display):
            transient = {"display_id": event.display_id} if event.display_id else {}
            kind = "update_display_data" if event.update else "display_data"
            self._output(kind, {"data": without_twins(event.data), "metadata": event.metadata, "transient": transient})
        elif isinstance(event, Result):
            data, count = without_twins(event.data), self._execution_count
            self._output("execute_result", {"data": data, "metadata": event.metadata, "execution_count": count})
        elif isinstance(event, Failure):
            self._error(error_content(event))

    def error(self, error: EngeeError) -> None:
        """The kernel's own error in place of the code's."""
        self._flush()
        self._error(own_error_content(error))

    def _error(self, content: Mapping[str, Any]) -> None:
        self.failure = content
        self._output("error", content)

    def _stream(self, name: str, text: str) -> None:
        other = "stderr" if name == "stdout" else "stdout"
        self._flush(other)
        text = self._held.pop(name, "") + text
        unfinished = _UNFINISHED.search(text)
        if unfinished and len(unfinished[0]) <= MAX_UNFINISHED:
            self._held[name] = unfinished[0]
            text = text[: unfinished.start()]
        if text:
            self._output("stream", {"name": name, "text": text})

    def _flush(self, *names: str) -> None:
        for name in names or tuple(self._held):
            text = self._held.pop(name, "")
            if text:
                self._output("stream", {"name": name, "text": text})

    def _clear(self, wait: bool) -> None:
        self._clears_next = wait
        if not wait:
            self._life.hide(before="")
            self._outputs = 0
            self._output("clear_output", {"wait": False})

    def _output(self, kind: str, content: Mapping[str, Any]) -> None:
        if self._silent and kind != "error":
            return
        if kind == "update_display_data":
            self._life.hide(before=kind)
        elif kind != "clear_output":
            self._life.hide(before=kind)
            if self._clears_next:
                # a stream that replaces an output shows each state of a progress bar in VS Code
                redraws = kind == "stream" and "\r" in content["text"].replace("\r\n", "\n")
                self._send("clear_output", {"wait": not redraws})
                self._outputs = 0
            self._clears_next = False
            self._outputs += 1
        self._send(kind, content)
