"""A job's time limit, as seen from here: the agent interrupts the cell, this stops waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from ..cells.cell import Cell, State
from ..errors import EngeeError, StillRunningError
from ..text import duration

LOOK_EVERY_S = 0.1


async def within(
    limit_s: float, grace: Callable[[], float | None], cell: Cell, work: Coroutine[Any, Any, None]
) -> None:
    """Run `work`, which hands `cell` to a job, for at most `limit_s` from then on.

    `grace`, asked once the job is accepted: what the agent gets beyond that to stop the code, in seconds; None
    where no agent can. Raises StillRunningError.
    """
    task = asyncio.create_task(work)
    try:
        while cell.state is not State.HANDED and not task.done():
            await asyncio.wait({task}, timeout=LOOK_EVERY_S)
        grace_s = grace()
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
