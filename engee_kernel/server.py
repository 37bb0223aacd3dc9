"""The Engee server: starting and stopping it, how long it has yet, and keeping it while a cell runs.

Rules for this module: nothing asks a stopped server again and again, and nothing but a person's own
cell or command starts one: the hours are theirs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone

from .api.client import EngeeClient
from .api.wire import ServerStatus
from .errors import EngeeError, ServerNotRunningError, UnexpectedReplyError
from .text import duration

FIRST_POLL_S = 0.2
LONGEST_POLL_S = 2.0
STOP_BOUND_S = 120.0
KEEP_ALIVE_TIMEOUT_S = 10.0
FIRST_LOOK_S = 1.0
LONGEST_LOOK_S = 600.0
SHORTEST_LOOK_S = 0.2
WARN_BEFORE_S = (900.0, 300.0, 60.0)

Progress = Callable[[str], None]


async def start(
    client: EngeeClient, *, bound_s: float, progress: Progress, inactivity_timeout_s: float | None = None
) -> tuple[ServerStatus, bool]:
    """Start the server and wait until it runs; whether it was this call that started it.

    Raises ServerNotRunningError when `bound_s` is over.
    """
    began = time.monotonic()
    started = False
    while True:
        status = await client.status()
        if status.running:
            progress("")
            return status, started
        if status.status == "stopped":
            # after a start of ours it may say so for a moment, or again because the start failed
            with suppress(UnexpectedReplyError):
                await client.start(inactivity_timeout_s)
                started = True
        left_s = bound_s - (time.monotonic() - began)
        if left_s <= 0:
            raise ServerNotRunningError(
                f"The Engee server is still {status.status} after {duration(bound_s)}.",
                "Look at it in the personal account; the bound is the setting start_bound_s.",
                server_status=status.status,
            )
        progress(f"the Engee server is {'starting' if status.status == 'stopped' else status.status}")
        await _pause(began)


async def stop(
    client: EngeeClient, *, bound_s: float = STOP_BOUND_S, progress: Progress, wait: bool = True
) -> tuple[ServerStatus, bool]:
    """Stop the server, and wait until it is; whether there was anything to stop.

    Raises ServerNotRunningError when it does not stop within `bound_s`.
    """
    began = time.monotonic()
    status = await client.status()
    if status.status == "stopped":
        return status, False
    if status.status != "stopping":
        await client.stop()
    if not wait:
        return await client.status(), True
    while True:
        status = await client.status()
        if status.status == "stopped":
            break
        if time.monotonic() - began > bound_s:
            raise ServerNotRunningError(
                f"The Engee server is still {status.status} after {duration(bound_s)}.",
                "Look at it in the personal account.",
                server_status=status.status,
            )
        progress("the Engee server is stopping")
        await _pause(began)
    progress("")
    return status, True


async def _pause(began: float) -> None:
    await asyncio.sleep(min(LONGEST_POLL_S, FIRST_POLL_S + (time.monotonic() - began) / 4))


@dataclass(frozen=True)
class TimeLeft:
    """Seconds until the server stops itself; None where nothing says so. `inactivity_s` starts anew with each use."""

    inactivity_s: float | None
    session_s: float | None

    @property
    def soonest_s(self) -> float | None:
        return min((s for s in (self.inactivity_s, self.session_s) if s is not None), default=None)


def time_left(status: ServerStatus, now: datetime | None = None) -> TimeLeft:
    """By Engee's own clock: `now` is the moment of the reply unless given."""
    now = now or status.server_time or datetime.now(timezone.utc)
    inactivity_s = session_s = None
    if status.running and status.inactivity_timeout:
        last = max((at for at in (status.last_activity_at, status.started_at) if at), default=now)
        used_s = max(0.0, (now - last).total_seconds())  # the reply's own time is to a second only
        inactivity_s = max(0.0, status.inactivity_timeout - used_s)
    if status.running and status.stop_session_at:
        session_s = max(0.0, (status.stop_session_at - now).total_seconds())
    return TimeLeft(inactivity_s, session_s)


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
