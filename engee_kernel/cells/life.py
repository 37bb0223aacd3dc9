"""One cell's life with the agent: submit → events → handed to a job → done.

The cell runs in a worker of the agent; nothing here waits for it in a way that could be lost.
Requests that fail are repeated with the cell's id, which makes repeating harmless; what the states
are and how they follow each other is `engee_kernel.cells.cell`'s.
"""

from __future__ import annotations

import asyncio
import time
from typing import NoReturn

from ..agent.dialogue import AgentMissingError, CellAnswer, EpochError
from ..api.retry import may_pass
from ..facts.errors import (
    AgentUnavailableError,
    ApiError,
    EngeeError,
    GatewayError,
    NetworkError,
    RateLimitedError,
    ServerNotRunningError,
    SessionLostError,
    StillRunningError,
)
from ..facts.events import Input
from ..facts.silence import Silence, is_gateways, waiting
from ..facts.text import duration
from ..records import calls
from . import endings, submission
from .cell import Cell, State
from .handover import Handover
from .output import Output
from .prompts import Prompts
from .remote import is_stall
from .session import Session

HEARD_S = 1.0
"""How long a request is held while a job is being made: the job looks whether others come in beside it."""
LONGEST_PAUSE_S = 5.0
STRAY_BOUND_S = 5.0
LEAVE_BOUND_S = 2.0


class Life:
    """Runs one cell and follows it. `submit` and its kin are asked through the agent, jobs through the API."""

    def __init__(self, session: Session, cell: Cell, output: Output) -> None:
        self._session = session
        self._client = session.client
        self._remote = session.remote
        self._options = session.options
        self._cell = cell
        self._output = output
        self._started = time.monotonic()
        self._silence = Silence()
        self._pause_s = 0.0
        self._handover = Handover(session, cell, output)
        self._prompts = Prompts(self._remote, cell, output, replayed=False)
        self._tries = 0
        self._by_submit = False
        self._send_again = False

    # From start to end

    async def run(self) -> None:
        """Submit the cell and follow it to its end. Raises what ended it otherwise."""
        await self._remote.ensure()
        self._by_submit = True
        self._cell.become(State.SENT)
        await self._follow()

    async def hand_in(self, name: str | None, *, beside: bool, limit_s: float) -> None:
        """Have a job run the cell and keep its record; returns when Engee has accepted it.

        `beside`: not behind the notebook's other cells; `limit_s`: interrupted after so long, 0 for never.
        """
        await self._remote.ensure()
        self._cell.become(State.SENT)
        wishes = submission.job_settings(self._cell, self._options, self._session.title, beside=beside, limit_s=limit_s)
        code = self._remote.command("run_job", *submission.arguments(self._session.notebook, self._cell), **wishes)
        condition, bound_s = self._output.condition, self._options.reconnect_bound_s
        await calls.create(
            self._client, code, job_id=self._cell.cell_id, name=name, condition=condition, bound_s=bound_s
        )
        self._cell.become(State.HANDED)
        await self._session.notes.accepted(
            self._cell.cell_id, "job", count=self._cell.count, name=name or "", epoch=self._remote.epoch
        )

    async def run_as_job(self, name: str | None, limit_s: float) -> None:
        """The cell through the jobs API from the start, followed to its end.

        Raises AgentMissingError when jobs run in a process of their own; the code was not run then.
        """
        await self.hand_in(name, beside=False, limit_s=limit_s)
        await self._follow()

    async def attach(self, *, handed: bool) -> None:
        """Follow a cell that an earlier kernel sent, from its first event on; `handed`: a job keeps its record."""
        await self._remote.ensure()
        self._prompts = Prompts(self._remote, self._cell, self._output, replayed=True)
        self._cell.become(State.SENT)
        self._cell.become(State.HANDED if handed else State.RUNNING)
        await self._follow()

    async def interrupt(self) -> None:
        """Ask the agent to stop the cell, again while the network fails. Bounded by the caller."""
        pause_s = 0.1
        while not self._cell.over:
            try:
                answer = await self._remote.call("interrupt", self._cell.cell_id)
                if answer.get("state") != "unknown":  # else its job has not begun
                    return
            except (NetworkError, GatewayError, RateLimitedError):
                pass
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def leave(self) -> None:
        """Give up waiting: make sure that a job keeps the record, where that is still possible."""
        if self._cell.over:
            return
        self._handover.begin()
        await self._handover.settle(LEAVE_BOUND_S)
        self._cell.become(State.LEFT)

    async def close(self) -> None:
        """End what runs beside the cell."""
        await self._prompts.close()
        await self._handover.close()

    # The loop

    async def _follow(self) -> None:
        while not self._cell.over:
            if self._cell.state is State.RUNNING and time.monotonic() - self._started >= self._options.handoff_after_s:
                self._handover.begin()
            try:
                answer = await self._ask()
            except (EpochError, AgentMissingError, ServerNotRunningError) as error:
                await self._lost(error)
            except (NetworkError, GatewayError, RateLimitedError) as error:
                await self._trouble(error)
            except ApiError as error:
                if may_pass(error) or self._may_be_stray():
                    await self._trouble(error)
                else:
                    self._refused(error)
            else:
                self._recovered()
                await self._take(answer)

    async def _ask(self) -> CellAnswer:
        cell = self._cell
        if self._handover.look_is_due and (answer := await self._handover.answer()) is not None:
            return answer
        if cell.state is State.SENT or self._send_again:
            self._send_again = False
            self._tries += 1
            wait_s = min(self._options.handoff_after_s, self._remote.wait_s)
            return await self._remote.cell_call(
                "submit",
                *submission.arguments(self._session.notebook, cell),
                wait_s,
                list(self._session.acknowledged),
                wait_s=wait_s,
                **submission.settings(cell, self._options, self._session.title),
            )
        wait_s = self._remote.wait_s
        if self._handover.is_being_made:
            wait_s = min(wait_s, HEARD_S)
        if self._handover.possible and cell.state is State.RUNNING:
            wait_s = min(wait_s, max(0.05, self._started + self._options.handoff_after_s - time.monotonic()))
        return await self._remote.cell_call("events", cell.cell_id, cell.seen, wait_s, wait_s=wait_s)

    async def _take(self, answer: CellAnswer) -> None:
        cell = self._cell
        if answer.state == "forgotten":
            raise AgentUnavailableError("The agent has dropped this cell's output already.")
        if answer.state == "unknown":
            await self._not_there_yet()
            return
        before = cell.state
        self._output.condition(submission.why_waiting(answer.behind))
        for event in cell.accept(answer):
            if isinstance(event, Input):
                await self._prompts.ask(event)
            else:
                await self._output.publish(event)
        if before is State.SENT:
            self._session.acknowledged.clear()
        if cell.state is State.DONE:
            self._session.acknowledged.append(cell.cell_id)

    async def _not_there_yet(self) -> None:
        """The agent does not know the cell: a job that was accepted has not begun, or `submit` never arrived."""
        if self._cell.state is not State.HANDED:
            raise AgentUnavailableError("The agent does not know this cell.")
        self._send_again = self._by_submit
        self._handover.look_soon()
        await asyncio.sleep(0.2)

    # Trouble

    def _may_be_stray(self) -> bool:
        """A refusal of requests that were accepted a moment ago: a gateway's slip, unless it stays so."""
        return self._cell.state is not State.SENT and self._silence.lasts_s < STRAY_BOUND_S

    def _refused(self, error: ApiError) -> NoReturn:
        """Engee takes no more requests of ours."""
        if self._cell.state is State.SENT:
            if self._tries == 1 and not error.may_have_run:
                raise error  # the one request that would have run the cell
            what = "The cell was sent before; it may be running in Engee."
        else:
            what = "The cell goes on in Engee."
        self._cell.become(State.LEFT)
        raise StillRunningError(f"{error.message} {what}", self._attach_hint(error.hint)) from error

    def _recovered(self) -> None:
        self._silence.over()
        self._pause_s = 0.0
        self._handover.heard()
        self._output.condition("")

    async def _trouble(self, error: EngeeError) -> None:
        """A request failed: say so and wait for the next try, or raise once the bound is reached."""
        self._silence.heard_only(error)
        if is_stall(error):
            self._remote.wait_was_too_long()
        if is_stall(error) and await self._server_runs():
            # no bound: the code is known to run, and the person can interrupt at any time
            self._silence.over()
            self._output.condition("Engee is busy with it and answers nothing else")
            self._handover.begin()
            self._handover.look_soon()
            return
        left_s = self._options.reconnect_bound_s - self._silence.lasts_s
        if left_s <= 0:
            self._give_up(error)
        asked = getattr(error, "retry_after_s", None)
        self._pause_s = min(LONGEST_PAUSE_S, 2 * self._pause_s or 0.1)
        self._output.condition(f"{waiting(error)}, trying again for {duration(left_s)}")
        await asyncio.sleep(min(asked or self._pause_s, max(left_s, 0.1)))

    def _give_up(self, error: EngeeError) -> NoReturn:
        if self._cell.state is State.SENT:
            what = (
                "The cell was sent, but Engee has not confirmed it: it may be running there, or may never have arrived."
            )
        else:
            what = "The cell was running in Engee before, and goes on there as far as is known."
        self._cell.become(State.LEFT)
        # a page's hint speaks of an address that may be wrong: here it was right before
        hint = "" if is_gateways(error) else error.hint
        raise StillRunningError(
            f"{self._silence.sentence(error)} {what} It was not run twice, and nothing is known to be lost.",
            self._attach_hint(hint),
        ) from error

    async def _server_runs(self) -> bool:
        try:
            status = await self._client.status()
        except EngeeError:
            return False  # what the status call meets says nothing of the cell
        if status.down:
            stopped = ServerNotRunningError(status.sentence, server_status=status.status)
            stopped.may_have_run = True
            await self._lost(stopped)
        return status.running

    async def _lost(self, error: EngeeError) -> None:
        """The Julia process that had the cell is gone. Takes what a finished job kept of the cell, where there
        is one; else raises SessionLostError.
        """
        self._remote.forget_epoch()
        known = self._cell.state is not State.SENT
        if self._cell.state is State.HANDED and not isinstance(error, ServerNotRunningError):
            try:
                answer = await self._handover.answer()
            except AgentMissingError:
                raise
            except (AgentUnavailableError, NetworkError, ServerNotRunningError, GatewayError):
                answer = None
            if answer is not None:
                await self._take(answer)
                return
        self._cell.become(State.LOST)
        # an answer that the cell's session is another one is certain only for the first try
        stopped_meanwhile = isinstance(error, ServerNotRunningError) and error.may_have_run
        may_have_run = self._tries > 1 or known or self._cell.seen > 0 or stopped_meanwhile
        why = await endings.reason(self._client, self._remote.heard_at, error)
        raise SessionLostError.of_cell(error, may_have_run=may_have_run, why=why) from error

    def _attach_hint(self, hint: str) -> str:
        return f"{hint}\nFollow it later with: %jobs attach {self._cell.cell_id}".strip()
