"""The Engee server as a notebook's session needs it: running, and stopped by whoever started it."""

from __future__ import annotations

import asyncio

from ..facts.errors import GatewayError, NetworkError, RateLimitedError, ServerNotRunningError
from ..server import lifecycle
from .output import Output
from .session import Session

STATUS_BOUND_S = 5.0


async def ready(session: Session, output: Output) -> None:
    """See that the server runs: starts it where `auto_start` allows. Raises ServerNotRunningError.

    A state that nobody knows is no reason to start it, nor is a status call that fails: what comes next finds out.
    """
    try:
        status = await asyncio.wait_for(session.client.status(), STATUS_BOUND_S)
    except (NetworkError, GatewayError, RateLimitedError, asyncio.TimeoutError, TimeoutError):
        return
    session.watch.saw(status)
    if status.down:
        if not session.options.auto_start:
            raise ServerNotRunningError(
                status.sentence,
                "Start it: %engee start (the setting auto_start is off).",
                server_status=status.status,
            )
        await start(session, output)


async def start(session: Session, output: Output, inactivity_timeout_s: float | None = None) -> None:
    """Start the server and wait until it runs, within `start_bound_s`. Raises ServerNotRunningError."""
    session.remote.forget_epoch()
    status, was_us = await lifecycle.start(
        session.client,
        bound_s=session.options.start_bound_s,
        progress=output.condition,
        inactivity_timeout_s=inactivity_timeout_s,
    )
    session.watch.saw(status)
    if was_us:
        session.started = status


async def stop_what_it_started(session: Session) -> None:
    """Stop the server if it is still the one that this session started. Raises EngeeError."""
    if session.started is None:
        return
    status = await session.client.status()
    if status.running and status.started_at == session.started.started_at:
        await session.client.stop()


def was_stopped(session: Session) -> None:
    """The server was stopped on purpose: the next cell finds a new one, and that is no loss to tell of."""
    session.remote.forget_epoch()
    session.agent_trouble = None
    session.cells_run = 0
