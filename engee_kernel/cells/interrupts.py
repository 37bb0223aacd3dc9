"""Interrupts: passed to the agent, and the prompt comes back within a bound, whatever the code does."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol

from ..facts.errors import EngeeError, StillRunningError
from ..facts.text import duration
from .cell import Cell, State
from .output import Output


class Followed(Protocol):
    """A cell's life with the agent."""

    async def interrupt(self) -> None:
        """Ask the agent to stop the cell, until it is heard; bounded by the caller."""

    async def leave(self) -> None:
        """Give up waiting; a job keeps the cell's record where that is still possible."""

    async def close(self) -> None:
        """End what runs beside the cell."""


class Interrupts:
    """For one session: what is interrupted is what `bound` awaits. `followed`: the running cell's life, if any."""

    def __init__(self) -> None:
        self.followed: Followed | None = None
        self._pressed = False
        self._waiting: asyncio.Future[None] | None = None

    def interrupt(self) -> None:
        """Stop what runs; a second one, while the first is being tried, gives the prompt back at once."""
        self._pressed = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def bound(
        self,
        cell: Cell,
        output: Output,
        work: asyncio.Task[None],
        *,
        grace_s: float,
        stops_code: bool,
    ) -> None:
        """Await the work. `stops_code`: else only the waiting ends; `grace_s`: how long an interrupted cell has to
        stop before the prompt is given back all the same. An interrupt from before does not hit it.

        Raises what the work raises, and StillRunningError when it was interrupted and the code goes on.
        """
        self._pressed = False
        if not await self._until_stopped(work, None):
            await work
            return
        present = self.followed
        if not stops_code:
            if present is not None:
                await present.leave()
            raise StillRunningError(
                "Stopped following the job. The job itself goes on.",
                f"Follow it again: %jobs attach {cell.cell_id}\nEnd it: %jobs interrupt {cell.cell_id}",
            )
        if cell.state is State.NEW:
            raise StillRunningError("Interrupted before the cell was sent to Engee: it was not run.")
        if present is None:
            is_job = cell.state is State.HANDED
            cell.become(State.LEFT)
            raise StillRunningError(
                "Interrupted: the prompt is yours again, but Engee's API can't stop code, so the cell may "
                "still be running there.",
                f"Follow it with: %jobs attach {cell.cell_id}" if is_job else "",
            )
        output.condition("interrupting")
        await self._interrupt(cell, present, work, grace_s)

    async def let_go(self) -> None:
        """Nobody waits any more."""
        if self.followed is not None:
            await self.followed.leave()

    async def _interrupt(self, cell: Cell, life: Followed, work: asyncio.Task[None], grace_s: float) -> None:
        sending = asyncio.create_task(life.interrupt())
        arrived = False
        try:
            if not await self._until_stopped(work, grace_s):
                await work
                return
            arrived = sending.done()
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError, EngeeError):
                await sending
        unconfirmed = cell.state is State.SENT
        await life.leave()
        if unconfirmed:
            raise StillRunningError(
                "Interrupted before Engee confirmed the cell: it may be running there, or may never have arrived.",
                f"If it arrived, follow it with: %jobs attach {cell.cell_id}",
            )
        if not arrived:
            raise StillRunningError(
                f"Interrupted, but the interrupt has not reached the cell within {duration(grace_s)}: Engee does not "
                "answer now. The cell goes on there, as far as is known.",
                f"Follow it with: %jobs attach {cell.cell_id}\nInterrupt it there with: %jobs interrupt {cell.cell_id}",
            )
        raise StillRunningError(
            f"Interrupted, but the cell has not stopped within {duration(grace_s)}: "
            "it still runs in Engee (code that never yields, or an Engee that answers nothing else while a job "
            "runs, can't be stopped from outside).",
            f"Follow it with: %jobs attach {cell.cell_id}\nEnd it by restarting Engee: %engee restart",
        )

    async def _until_stopped(self, work: asyncio.Task[None], bound_s: float | None) -> bool:
        """Wait for the work to end (False), or for an interrupt or the bound (True)."""
        if bound_s is not None:
            self._pressed = False
        self._waiting = asyncio.get_running_loop().create_future()
        if self._pressed:
            self._waiting.set_result(None)
        try:
            await asyncio.wait({work, self._waiting}, timeout=bound_s, return_when=asyncio.FIRST_COMPLETED)
            return not work.done()
        finally:
            self._waiting = None
