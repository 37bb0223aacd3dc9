"""A long cell handed to the jobs API: the job that only waits for the cell and then holds all its events."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from ..agent.dialogue import AgentMissingError, CellAnswer, read_cell
from ..facts.errors import AgentUnavailableError, NotFoundError
from ..records import calls
from ..records.record import cell_name
from .cell import Cell, State
from .output import Output
from .session import Session

JOB_POLL_S = 5.0


class Handover:
    """One cell's job. It is made at most once while the cell runs, beside the asking for events."""

    def __init__(self, session: Session, cell: Cell, output: Output) -> None:
        self._session = session
        self._cell = cell
        self._output = output
        self._making: asyncio.Task[None] | None = None
        self._next_look = 0.0
        self._heard_since = False

    @property
    def possible(self) -> bool:
        """Whether a job may be made for the cell yet."""
        return self._making is None and self._cell.state is not State.HANDED and self._session.habits.usable

    @property
    def is_being_made(self) -> bool:
        return self._making is not None and not self._making.done()

    def begin(self) -> None:
        """Make the job, if that is possible."""
        if self.possible:
            self._making = asyncio.create_task(self._make())
            self._heard_since = False

    def heard(self) -> None:
        """The agent has answered beside the job."""
        self._heard_since = True

    def look_soon(self) -> None:
        """Nothing else answers: ask the job from now on."""
        self._next_look = self._next_look or time.monotonic()

    @property
    def look_is_due(self) -> bool:
        return bool(self._next_look) and time.monotonic() >= self._next_look

    async def settle(self, bound_s: float) -> None:
        """Give the making of the job a moment to end."""
        if self._making is not None:
            await asyncio.wait({self._making}, timeout=bound_s)

    async def close(self) -> None:
        if self._making is not None and not self._making.done():
            self._making.cancel()
            with suppress(asyncio.CancelledError):
                await self._making

    async def answer(self) -> CellAnswer | None:
        """What the job says, if it is done. Sets when to look again.

        Raises AgentMissingError where the job was to run the cell, in a process that has no agent.
        """
        self._next_look = time.monotonic() + JOB_POLL_S
        try:
            job = await self._session.client.job(self._cell.cell_id)
        except NotFoundError:
            return None
        if not job.done:
            return None
        self._next_look = 0.0
        if job.error is not None:
            raise AgentUnavailableError(f"The job that kept this cell's record failed: {job.error.message}")
        try:
            answer = read_cell(job.text or "")
        except AgentMissingError:
            self._session.habits.share_process = False
            if self._cell.seen == 0 and self._making is None:
                raise
            return None
        except AgentUnavailableError:
            return None  # the record is too long for a result here: the agent itself still has it
        if answer.state == "unknown":
            return None  # the job overtook the cell
        if answer.state != "done" or (not self._heard_since and self._making is not None):
            self._session.habits.let_evals_through = False
        return answer

    async def _make(self) -> None:
        cell, session = self._cell, self._session
        kept = await calls.keep_record(
            session.client,
            session.remote.command("finish", cell.cell_id),
            job_id=cell.cell_id,
            name=cell_name(cell.count, cell.code),
            habits=session.habits,
            notice=self._output.notice,
        )
        if kept is None:
            self._making = None  # tried again while the cell runs
        if not kept:
            return
        if cell.state in (State.SENT, State.RUNNING):
            cell.become(State.HANDED)
        await session.notes.accepted(cell.cell_id, "cell", count=cell.count, name="", epoch=session.remote.epoch)
