"""A cell's output in a terminal: streams as they come, displays as text, prompts from the keyboard."""

from __future__ import annotations

import _thread
import asyncio
import getpass
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from ..facts.events import Display, Done, Event, Failure, Input, MimeBundle, Result, Stream
from . import streams


class Terminal:
    """`engee_kernel.cells.output.Output` on stdout and stderr.

    `renamed`: what a place in a stack trace is called here, e.g. {"In[1]": "model.jl"}. `show_result`: whether the
    value of the last expression is printed. `silent`: everything is kept (`text`, `result`, …), nothing printed.
    """

    def __init__(
        self, *, renamed: Mapping[str, str] | None = None, show_result: bool = True, silent: bool = False
    ) -> None:
        self._renamed = renamed or {}
        self._show_result = show_result
        self._silent = silent
        self._condition = ""
        self._last_line = ""
        self._reading = 0
        self.events: list[Event] = []
        self.failure: Failure | None = None
        self.done: Done | None = None

    async def publish(self, event: Event) -> None:
        self._say("")
        if isinstance(event, Failure):
            self.failure = event
        elif isinstance(event, Done):
            self.done = event
        if self._silent:
            self.events.append(event)
        elif isinstance(event, Stream):
            _write(sys.stdout if event.name == "stdout" else sys.stderr, self._with_names(event.text))
            self._last_line = (self._last_line + event.text).rpartition("\n")[2] if event.name == "stdout" else ""
        elif isinstance(event, Display) or (isinstance(event, Result) and self._show_result):
            _write(sys.stdout, as_text(event.data) + "\n")
        elif isinstance(event, Failure):
            _write(sys.stderr, f"ERROR: {self.described(event)}\n")

    async def ask(self, prompt: Input) -> str | None:
        self._say("")
        shown = self._last_line
        self._last_line = ""
        text = "" if prompt.prompt and shown.endswith(prompt.prompt) else prompt.prompt
        return await self._line(lambda: _typed(text, prompt.password))

    @property
    def is_reading(self) -> bool:
        """Whether a prompt was called off whose read goes on: the interpreter can't end in order then."""
        return self._reading > 0

    def condition(self, text: str) -> None:
        """Said once, on stderr, where somebody may be looking."""
        if sys.stderr.isatty() and not self._silent:
            self._say(text)

    def notice(self, text: str) -> None:
        _write(sys.stderr, text.rstrip("\n") + "\n")

    def described(self, failure: Failure) -> str:
        """The error as Julia prints it."""
        return self._with_names(failure.full or failure.message)

    def _with_names(self, text: str) -> str:
        for name, here in self._renamed.items():
            text = text.replace(name, here)
        return text

    def streams(self) -> dict[str, str]:
        """What was kept of stdout and stderr."""
        texts = {"stdout": "", "stderr": ""}
        for event in self.events:
            if isinstance(event, Stream):
                texts[event.name] += event.text
        return texts

    async def _line(self, read: Callable[[], str | None]) -> str | None:
        """A line read in a thread that nobody has to wait for: a read from a terminal can't be called off."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str | None] = loop.create_future()

        def settle(line: str | None) -> None:
            if not answer.done():
                answer.set_result(line)

        def run() -> None:
            try:
                line = read()
            except KeyboardInterrupt:
                # on Windows a password prompt takes Ctrl-C as a key: it is the program's all the same
                _thread.interrupt_main()
                return
            finally:
                self._reading -= 1
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(settle, line)

        self._reading += 1
        with _echo_restored():
            threading.Thread(target=run, daemon=True, name=streams.READER).start()
            return await answer

    def _say(self, text: str) -> None:
        if text and text != self._condition:
            _write(sys.stderr, f"… {text}\n")
        self._condition = text


def as_text(data: MimeBundle) -> str:
    """The most readable form that a terminal can show."""
    for kind in ("text/plain", "text/markdown", "text/latex"):
        value = data.get(kind)
        if isinstance(value, str):
            return value
    return f"[{', '.join(data) or 'nothing'}]"


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def _write(stream: TextIO, text: str) -> None:
    """Without colours where nobody would see them as such: in a file, in a pipe."""
    stream.write(text if stream.isatty() else _COLOUR.sub("", text))
    stream.flush()


def _typed(prompt: str, password: bool) -> str | None:
    try:
        if password and streams.has_console():
            return getpass.getpass(prompt, sys.stderr)
        if prompt:
            _write(sys.stderr, prompt)
        line = sys.stdin.readline()
    except EOFError:
        return None
    return line.rstrip("\n").rstrip("\r") if line else None


@contextmanager
def _echo_restored() -> Iterator[None]:
    """A password prompt that is called off must not leave a terminal that does not echo."""
    try:
        import termios  # noqa: PLC0415 - not on Windows, where getpass changes no setting
    except ImportError:
        yield
        return
    try:
        number = sys.stdin.fileno()
        settings: Any = termios.tcgetattr(number)
    except (OSError, ValueError, termios.error):
        yield  # not a terminal
        return
    try:
        yield
    finally:
        termios.tcsetattr(number, termios.TCSANOW, settings)
