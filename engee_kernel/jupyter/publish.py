"""A cell's output on its way to the front end: Jupyter messages, each with the cell as its parent."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..errors import EngeeError
from ..events import Clear, Display, Done, Event, Failure, Frame, Input, Result, Stream
from ..text import count_frames, duration, paint, split_description

Send = Callable[[str, Mapping[str, Any]], None]
Ask = Callable[[Input], Awaitable[str | None]]

ALIVE_AFTER_S = 2.0
ALIVE_EVERY_S = 1.0
ALIVE_SLOWER_AFTER_S = 60.0

# an escape sequence that is not finished, or a carriage return that may belong to a line end
_UNFINISHED = re.compile(r"(?:\x1b(?:\[[0-9;?]*)?|\r)\Z")
MAX_UNFINISHED = 32


class Publisher:
    """One cell's output. `send(msg_type, content)` puts a message on iopub; `ask` asks the front end for a line.

    While nothing comes, a display says that the cell is alive and for how long; it goes away with the next
    output. Streams are never cut inside an escape sequence or between CR and LF, so that progress bars
    survive any chunking.

    `alone` False: other output may be in the cell before, which taking the display away must not clear.
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
        self._clear_pending = False
        self._outputs = 0
        self.failure: Mapping[str, Any] | None = None
        self.done: Done | None = None
        self._life = LifeSign(send, lambda: self._outputs > 0 or not alone)
        self._shows_life = life_sign and not silent

    async def __aenter__(self) -> Publisher:
        if self._shows_life:
            self._life.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._life.end()
        self._flush()

    def condition(self, text: str) -> None:
        self._life.condition = text

    def notice(self, text: str) -> None:
        self._stream("stderr", text.rstrip("\n") + "\n")

    async def ask(self, prompt: Input) -> str | None:
        self._flush()
        self._life.hide(for_output=False)
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
            self._life.hide(for_output=False)
            self._output("clear_output", {"wait": event.wait})
        elif isinstance(event, Display):
            transient = {"display_id": event.display_id} if event.display_id else {}
            kind = "update_display_data" if event.update else "display_data"
            self._output(kind, {"data": event.data, "metadata": event.metadata, "transient": transient})
        elif isinstance(event, Result):
            content = {"data": event.data, "metadata": event.metadata, "execution_count": self._execution_count}
            self._output("execute_result", content)
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

    def _output(self, kind: str, content: Mapping[str, Any]) -> None:
        if self._silent and kind != "error":
            return
        if kind != "clear_output":
            self._life.hide(for_output=True)
            self._outputs += 1
        self._send(kind, content)


class LifeSign:
    """The display "running for 12 s", shown after a silence and taken away again."""

    def __init__(self, send: Send, has_output: Callable[[], bool]) -> None:
        self._send = send
        self._has_output = has_output
        self._started = self._last_change = time.monotonic()
        self._display_id = ""
        self._shown = self._was_shown = False
        self._alone = False
        self._timer: asyncio.TimerHandle | None = None
        self.condition = ""
        self.paused = False

    def begin(self) -> None:
        """Look after the silence from now on; a timer, because most cells end before a task would have begun."""
        running_s = time.monotonic() - self._started
        pause_s = ALIVE_EVERY_S if running_s < ALIVE_SLOWER_AFTER_S else 5 * ALIVE_EVERY_S
        self._timer = asyncio.get_running_loop().call_later(pause_s, self._tick)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.hide(for_output=False)

    def _tick(self) -> None:
        silent_s = time.monotonic() - self._last_change
        if not self.paused and (self._shown or silent_s >= ALIVE_AFTER_S):
            self._show(time.monotonic() - self._started)
        self.begin()

    def hide(self, *, for_output: bool) -> None:
        """Take the display away; `for_output`: something else is about to be shown."""
        self._last_change = time.monotonic()
        if not self._shown:
            return
        self._shown = False
        if self._alone:
            # nothing else is there: clearing leaves no trace in the saved notebook
            self._send("clear_output", {"wait": for_output})
        else:
            self._send("update_display_data", self._content("", ""))

    def _show(self, seconds: float) -> None:
        text = f"running for {duration(seconds)}" + (f" – {self.condition}" if self.condition else "")
        if not self._shown:
            self._alone = not self._has_output()
            if self._alone or not self._was_shown:
                self._display_id = f"alive-{uuid.uuid4()}"
                self._send("display_data", self._content(text, f"<i>{text}</i>"))
            else:
                self._send("update_display_data", self._content(text, f"<i>{text}</i>"))
            self._shown = True
            self._was_shown = not self._alone
            return
        self._send("update_display_data", self._content(text, f"<i>{text}</i>"))

    def _content(self, text: str, html: str) -> Mapping[str, Any]:
        data = {"text/plain": text, "text/html": html}
        return {"data": data, "metadata": {}, "transient": {"display_id": self._display_id}}


def error_content(failure: Failure) -> dict[str, Any]:
    """ename, evalue and traceback of the person's error: message first, then their own frames."""
    heading = failure.message.rstrip() or failure.short
    first, _, rest = heading.partition("\n")
    traceback = [paint(first, "red")]
    if rest:
        traceback.append(rest)
    frames = failure.frames
    if failure.type == "InterruptException":
        # where Julia waited is of no interest, where the person's code was is
        frames = tuple(frame for frame in frames if frame.user) or frames
    if frames:
        traceback += _frames(frames)
    else:
        _, own, server = split_description(failure.full)
        if own:
            traceback += ["", paint("Stacktrace:", "bold"), own]
        if server:
            traceback.append(paint(f" … {count_frames(server)} more frames inside the Engee server", "grey"))
    return {"ename": failure.type, "evalue": failure.short, "traceback": traceback}


def _frames(frames: tuple[Frame, ...]) -> list[str]:
    lines = ["", paint("Stacktrace:", "bold")]
    folded = 0
    width = len(str(len(frames)))
    for number, frame in enumerate(frames, 1):
        place = f"{frame.file}:{frame.line}"
        inlined = " [inlined]" if frame.inlined else ""
        if frame.user:
            lines.append(f" [{number:>{width}}] {frame.function}\n    @ {paint(place, 'bold')}{inlined}")
        else:
            lines.append(paint(f" [{number:>{width}}] {frame.function}\n    @ {place}{inlined}", "grey"))
            folded += 1
    return lines


def expression_contents(expressions: Mapping[str, Any]) -> dict[str, Any]:
    """The values of user_expressions as the protocol wants them; the agent gives an error's type and message."""
    contents: dict[str, Any] = {}
    for name, answer in expressions.items():
        content = dict(answer)
        if content.get("status") == "error":
            kind, message = str(content.pop("type", "Error")), str(content.pop("message", ""))
            first, _, rest = message.partition("\n")
            content |= {"ename": kind, "evalue": message, "traceback": [paint(first, "red"), *([rest] if rest else [])]}
        contents[name] = content
    return contents


def own_error_content(error: EngeeError) -> dict[str, Any]:
    """An error of the kernel's own: what happened, and the next step."""
    name = type(error).__name__
    first = error.message.strip()
    traceback = [f"{paint(name, 'red')}: {first}"]
    if error.hint:
        traceback += ["", *error.hint.split("\n")]
    return {"ename": name, "evalue": first, "traceback": traceback}
