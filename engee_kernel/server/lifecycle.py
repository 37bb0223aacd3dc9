"""The Engee server: starting and stopping it, and how long it has yet.

Rules for this module: nothing asks a stopped server again and again, and nothing but a person's own
cell or command starts one: the hours are theirs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone

from ..api.client import EngeeClient
from ..api.wire import ServerStatus
from ..facts.errors import ServerNotRunningError, UnexpectedReplyError
from ..facts.text import duration

FIRST_POLL_S = 0.2
LONGEST_POLL_S = 2.0
STOP_BOUND_S = 120.0

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
                _still(status, bound_s),
                "Look in the personal account; the bound is the setting start_bound_s.",
                server_status=status.status,
            )
        progress("the Engee server is starting" if status.status == "stopped" else _beginning_small(status.sentence))
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
                _still(status, bound_s),
                "Look in the personal account.",
                server_status=status.status,
            )
        progress("the Engee server is stopping")
        await _pause(began)
    progress("")
    return status, True


def _still(status: ServerStatus, bound_s: float) -> str:
    after = f"after {duration(bound_s)}"
    if status.down or status.running:
        return f"The Engee server is still {status.status} {after}."
    return f"Engee calls the server's state “{status.status}”, still {after}."


def _beginning_small(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")


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
