"""Keeping the Engee server while a cell runs, and warning before it stops itself.

Rules for this module: it looks rarely, starts nothing, and asks a server that has stopped no more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from contextlib import suppress
from datetime import datetime

from ..api.client import EngeeClient
from ..api.wire import ServerStatus
from ..facts.errors import EngeeError
from ..facts.text import duration
from .lifecycle import Progress, time_left

KEEP_ALIVE_TIMEOUT_S = 10.0
FIRST_LOOK_S = 1.0
LONGEST_LOOK_S = 600.0
SHORTEST_LOOK_S = 0.2
WARN_BEFORE_S = (900.0, 300.0, 60.0)


class ServerWatch:
    """Looks at the server while a cell runs, rarely: keeps it from stopping itself, and warns before it does.

    `tell` shows a remark in the output at hand, or in the next one.
    """

    def __init__(self, client: EngeeClient, *, keep_alive: bool, tell: Progress) -> None:
        self.keep_alive = keep_alive
        self._client = client
        self._tell = tell
        self._status: ServerStatus | None = None
        self._seen = 0.0
        self._warned: set[tuple[str, datetime | None, float]] = set()
        self._looking: asyncio.Task[None] | None = None

    def saw(self, status: ServerStatus) -> None:
        """A status that somebody has asked for anyway."""
        self._status = status
        self._seen = time.monotonic()

    async def beside(self, cell: Awaitable[None]) -> None:
        """Await a cell, watching the server meanwhile, from the moment at which there is something to look for."""
        watching: list[asyncio.Task[None]] = []
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._until_next_look_s(), lambda: watching.append(loop.create_task(self._watch())))
        try:
            await cell
        finally:
            timer.cancel()
            for task in watching:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def close(self) -> None:
        """End a look that goes on after its cell."""
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
            self._looking = None

    async def _watch(self) -> None:
        while True:
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look())
            # a short cell does not cut it off: what it finds is told in the next output
            await asyncio.shield(self._looking)
            await asyncio.sleep(max(SHORTEST_LOOK_S, self._until_next_look_s()))

    async def _look(self) -> None:
        try:
            status = await self._client.status()
        except EngeeError:
            # the cell itself tells of a network that fails; here the next look will do
            self._seen = time.monotonic()
            return
        self.saw(status)
        if not status.running:
            return
        left = time_left(status)
        if left.inactivity_s is not None:
            await self._see_to_inactivity(status, left.inactivity_s, status.inactivity_timeout or 0.0)
        if left.session_s is not None:
            self._warn_of_session_end(status, left.session_s)

    async def _see_to_inactivity(self, status: ServerStatus, left_s: float, timeout_s: float) -> None:
        if left_s > timeout_s / 2:
            return
        if self.keep_alive:
            with suppress(EngeeError):
                await self._client.eval("nothing", timeout_s=KEEP_ALIVE_TIMEOUT_S)
                return
        threshold_s = min(300.0, timeout_s / 4)
        if left_s <= threshold_s and self._first_time("inactivity", status.last_activity_at, threshold_s):
            why = "it does not count this cell as activity" if self.keep_alive else "the setting keep_alive is off"
            self._tell(
                f"The Engee server stops itself for inactivity in about {duration(left_s)} ({why}): "
                "variables are lost then, files in /user stay."
            )

    def _warn_of_session_end(self, status: ServerStatus, left_s: float) -> None:
        at = status.stop_session_at
        passed = [threshold for threshold in WARN_BEFORE_S if left_s <= threshold]
        news = [threshold for threshold in passed if self._first_time("session", at, threshold)]
        if news and at is not None:
            self._tell(
                f"The Engee server stops itself in {duration(left_s)}, at {at.astimezone():%H:%M}: this session's time "
                "is over then. Save what you need to /user; variables are lost."
            )

    def _first_time(self, kind: str, at: datetime | None, threshold_s: float) -> bool:
        key = (kind, at, threshold_s)
        if key in self._warned:
            return False
        self._warned.add(key)
        return True

    def _until_next_look_s(self) -> float:
        """Seconds until something may have to be done: half of the inactivity limit, or a warning that is due."""
        since_s = time.monotonic() - self._seen
        status = self._status
        if status is None or not status.running:
            return FIRST_LOOK_S if status is None else LONGEST_LOOK_S
        moments = [LONGEST_LOOK_S]
        left = time_left(status)
        if left.inactivity_s is not None:
            moments.append(left.inactivity_s - (status.inactivity_timeout or 0.0) / 2)
        if left.session_s is not None:
            moments += [
                left.session_s - threshold
                for threshold in WARN_BEFORE_S
                if ("session", status.stop_session_at, threshold) not in self._warned
            ]
        return max(0.0, min(moments) - since_s)
