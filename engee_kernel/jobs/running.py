"""A cell through the jobs API: run by the agent in the notebook's workspace, else as raw code."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from ..agent.dialogue import AgentMissingError, EpochError, read_cell
from ..cells.cell import Cell, State
from ..cells.life import Life
from ..cells.output import Output
from ..cells.running import sent
from ..cells.session import Session
from ..facts.errors import (
    EngeeError,
    GatewayError,
    NetworkError,
    RateLimitedError,
    SessionLostError,
    StillRunningError,
)
from ..facts.text import duration
from . import plain
from .attachment import BEYOND_ALL_EVENTS

BEGIN_BOUND_S = 3.0
LOOK_EVERY_S = 0.1


async def run(session: Session, cell: Cell, output: Output, *, name: str | None = None, limit_s: float = 0.0) -> None:
    """Run a cell as a job, from its start to its end. Raises what `cells.running.run` raises.

    `limit_s`: it is interrupted after so many seconds, 0 for never.
    """

    async def attempt() -> None:
        if await _handed_in(session, cell, output, name=name, limit_s=limit_s, follow=True):
            return
        await plain.hand_in(session, cell, output, name=name)
        await plain.follow(session, cell, output)

    work = sent(session, cell, output, attempt)
    if limit_s:
        work = _within(session, cell, limit_s, work)
    await session.attend(cell, output, work)


async def start(session: Session, cell: Cell, output: Output, *, name: str | None = None, limit_s: float = 0.0) -> None:
    """Have a job run the cell, beside the notebook's other cells, and return when it has begun (or is queued).

    `cell.cell_id` is the job's id afterwards.
    """

    async def attempt() -> None:
        if not await _handed_in(session, cell, output, name=name, limit_s=limit_s, follow=False):
            await plain.hand_in(session, cell, output, name=name)

    await session.attend(cell, output, sent(session, cell, output, attempt))


async def _handed_in(
    session: Session, cell: Cell, output: Output, *, name: str | None, limit_s: float, follow: bool
) -> bool:
    """Whether a job's agent runs the cell, or has run it where it was to `follow`; False: the code was not run."""
    if not session.jobs_can_be_stopped:
        return False
    try:
        async with session.following(Life(session, cell, output)) as life:
            if follow:
                await life.run_as_job(name, limit_s)
            else:
                await life.hand_in(name, beside=True, limit_s=limit_s)
        if not follow:
            await _begun(session, cell)
    except AgentMissingError:
        # the answer says that the code was not run; a job's id can't be used again
        session.habits.share_process = False
        output.notice("Jobs run in a process of their own here: without this notebook's variables.")
        cell.cell_id = str(uuid.uuid4())
        cell.state = State.NEW
        return False
    return True


async def _begun(session: Session, cell: Cell) -> None:
    """Wait, for a few seconds at most, until a job that was handed in has begun to run the cell.

    Raises AgentMissingError when the job met no agent: it has not run the cell.
    """
    until = time.monotonic() + BEGIN_BOUND_S
    while time.monotonic() < until:
        try:
            answer = await session.remote.cell_call(
                "events", cell.cell_id, BEYOND_ALL_EVENTS, 0.0, wait_s=0.0, margin_s=BEGIN_BOUND_S
            )
            if answer.state != "unknown":
                return
        except (NetworkError, GatewayError, RateLimitedError):
            pass  # an Engee that answers nothing else while a job runs
        job = await session.client.job(cell.cell_id)
        if job.done:
            try:
                read_cell(job.text or "")
            except EpochError as error:
                raise SessionLostError("Engee was restarted just now; the job was not run.", "Run it again.") from error
            return
        await asyncio.sleep(0.1)


async def _within(session: Session, cell: Cell, limit_s: float, work: Coroutine[Any, Any, None]) -> None:
    """Run `work`, which hands `cell` to a job, for at most `limit_s` from then on.

    Where an agent runs the job it gets `interrupt_grace_s` beyond that to stop the code. Raises StillRunningError.
    """
    task = asyncio.create_task(work)
    try:
        while cell.state is not State.HANDED and not task.done():
            await asyncio.wait({task}, timeout=LOOK_EVERY_S)
        # known only now: the first job shows whether jobs have the agent
        grace_s = session.options.interrupt_grace_s if session.jobs_can_be_stopped else None
        await asyncio.wait({task}, timeout=limit_s + (grace_s or 0.0))
        if task.done():
            await task
            return
        cell.become(State.LEFT)
        reason = (
            "nothing but the agent can stop code, and it is not there: the API has no call for it"
            if grace_s is None
            else "it was to be interrupted, but code that never yields, or an Engee that answers nothing else "
            "while a job runs, can't be stopped from outside"
        )
        raise StillRunningError(
            f"The job's time limit of {duration(limit_s)} is over, and the job still runs in Engee: {reason}.",
            f"Look at it again with: %jobs attach {cell.cell_id}\nEnd it by restarting Engee: %engee restart",
        )
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, EngeeError):
            await task
