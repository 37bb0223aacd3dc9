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
