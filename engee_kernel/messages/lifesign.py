"""The display that says that a silent cell is alive, and for how long."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ..facts.text import duration

Send = Callable[[str, Mapping[str, Any]], None]

ALIVE_AFTER_S = 2.0
ALIVE_EVERY_S = 1.0
ALIVE_SLOWER_AFTER_S = 60.0
TROUBLE_AFTER_S = 10.0


class LifeSign:
    """The display "running for 12 s", shown after a silence and taken away again.

    Only where nothing else is in the output, for it is taken away by clearing, which every front end and every
    program that runs cells on a server understands. Of those programs some ignore updates of displays and others
    add each as an output: what is taken away by an update stays in their notebooks. Below other output a trouble that
    lasts is told by a remark, by `tell`.
    """

    def __init__(self, send: Send, has_output: Callable[[], bool], tell: Callable[[str], None]) -> None:
        self._send = send
        self._has_output = has_output
        self._tell = tell
        self._started = self._last_change = time.monotonic()
        self._shown = False
        self._display_id = ""
        self._timer: asyncio.TimerHandle | None = None
        self._condition = ""
        self._condition_since = 0.0
        self._told = False
        self.paused = False

    @property
    def condition(self) -> str:
        return self._condition

    @condition.setter
    def condition(self, text: str) -> None:
        if not text:
            self._told = False
        elif not self._condition:
            self._condition_since = time.monotonic()
        self._condition = text

    def redirect(self, send: Send) -> None:
        self.hide(before="")
        self._send = send

    def begin(self) -> None:
        """Look after the silence from now on; a timer, because most cells end before a task would have begun."""
        running_s = time.monotonic() - self._started
        pause_s = ALIVE_EVERY_S if running_s < ALIVE_SLOWER_AFTER_S else 5 * ALIVE_EVERY_S
        self._timer = asyncio.get_running_loop().call_later(pause_s, self._tick)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.hide(before="")

    def _tick(self) -> None:
        now = time.monotonic()
        if not self.paused:
            if self._has_output():
                self._tell_of_trouble(now)
            elif self._shown or now - self._last_change >= ALIVE_AFTER_S:
                self._show(now - self._started)
        self.begin()

    def _tell_of_trouble(self, now: float) -> None:
        if self._condition and not self._told and now - self._condition_since >= TROUBLE_AFTER_S:
            self._told = True
            self._tell(f"(running for {duration(now - self._started)} – {self._condition})")

    def hide(self, *, before: str) -> None:
        """Take the display away; `before`: the kind of the message that comes next, "" for none."""
        self._last_change = time.monotonic()
        if not self._shown:
            return
        self._shown = False
        # not waiting for a stream: one that replaces an output shows each state of a progress bar in VS Code
        self._send("clear_output", {"wait": before in ("display_data", "execute_result", "error")})

    def _show(self, seconds: float) -> None:
        text = f"running for {duration(seconds)}" + (f" – {self._condition}" if self._condition else "")
        if not self._shown:
            self._display_id = f"alive-{uuid.uuid4()}"
        data = {"text/plain": text, "text/html": f"<i>{text}</i>"}
        content = {"data": data, "metadata": {}, "transient": {"display_id": self._display_id}}
        self._send("update_display_data" if self._shown else "display_data", content)
        self._shown = True
