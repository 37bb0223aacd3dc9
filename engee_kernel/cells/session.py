"""One notebook's session with Engee: runs its cells one after the other, interrupts them, asks about code.

What a cell goes through is in `life` (with the agent) and `plain` (without). This module chooses
between them, bounds interrupts, and starts a stopped server.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any

from .. import server
from ..agent.dialogue import AgentMissingError
from ..api.client import EngeeClient
from ..api.wire import ServerStatus
from ..errors import AgentUnavailableError, EngeeError, ServerNotRunningError, SessionLostError
from ..jobs import attachment
from ..jobs.calls import JobHabits
from ..jobs.journal import Journal
from ..jobs.limits import within
from ..jobs.notes import Notes
from ..server import ServerWatch
from . import plain
from .cell import Cell, State
from .interrupts import Interrupts
from .life import Life
from .output import Options, Output
from .remote import Remote

QUERY_BOUND_S = 10.0


class Session:
    """`notebook` names the worker that runs this notebook's cells in the agent.

    All methods belong to one event loop.
    """

    def __init__(
        self, client: EngeeClient, options: Options, *, notebook: str = "", journal: Journal | None = None
    ) -> None:
        self.client = client
        self.options = options
        self.notebook = notebook or str(uuid.uuid4())
        self.started: ServerStatus | None = None
        """The server that this session started, as it was once it ran."""
        self.remarks: list[str] = []
        self.watch = ServerWatch(client, keep_alive=options.keep_alive, tell=self._remark)
        self._output: Output | None = None
        self.agent_trouble: AgentUnavailableError | None = None
        self.remote = Remote(client, poll_wait_s=options.poll_wait_s)
        self.notes = Notes(client, self.remote, journal, self._remark)
        self._habits = JobHabits()
        self._acknowledge: list[str] = []
        self._cells_run = 0
        self._session_ended = False
        self._life: Life | None = None
        self._interrupts = Interrupts()
        self._work: asyncio.Task[None] | None = None
        self._beside: set[asyncio.Task[None]] = set()

    @property
    def with_agent(self) -> bool:
        return self.options.mode == "agent" and self.agent_trouble is None

    @property
    def jobs_can_be_stopped(self) -> bool:
        """Whether a job runs under the agent, as far as that is known."""
        return self.with_agent and self._habits.share_process

    @property
    def busy(self) -> bool:
        return self._work is not None

    async def prepare(self) -> None:
        """Install the agent in a server that runs already; a stopped one is left alone.

        Called in the background when the kernel starts. Raises nothing of Engee's: a cell will say it.
        """
        if not self.with_agent:
            return
        with suppress(EngeeError):
            status = await self.client.status()
            self.watch.saw(status)
            if status.running:
                await self.agent_ready()

    async def run(
        self, cell: Cell, output: Output, *, as_job: bool = False, name: str | None = None, limit_s: float = 0.0
    ) -> None:
        """Run a cell to its end; its Done event comes last. Raises what else ended it.

        `limit_s`: a job is interrupted after so many seconds, 0 for never.
        StillRunningError: the person interrupted, or the connection is gone, and the code goes on.
        """
        self._interrupts.clear()
        work = self._run(cell, output, as_job, name, limit_s)
        if limit_s:
            work = within(limit_s, self._job_grace_s, cell, work)
        await self._bounded(cell, output, work)

    async def start_job(self, cell: Cell, output: Output, *, name: str | None = None, limit_s: float = 0.0) -> None:
        """Have a job run the cell, beside the notebook's other cells, and return when it has begun (or is queued).

        `cell.cell_id` is the job's id afterwards.
        """
        self._interrupts.clear()
        await self._bounded(cell, output, self._run(cell, output, True, name, limit_s, detached=True))

    async def attach(self, cell: Cell, output: Output) -> None:
        """Show a job's output from its beginning (`cell.cell_id` is its id) and follow it.

        An interrupt ends the following, not the code. Raises NotFoundError where nobody knows the job.
        """
        self._interrupts.clear()
        await self._bounded(cell, output, self._attach(cell, output), stops_code=False)

    async def agent_ready(self) -> bool:
        """Whether there is an agent to ask; installs it in a running server. Raises errors of the API."""
        if not self.with_agent:
            return False
        try:
            await self.remote.ensure()
        except AgentUnavailableError as error:
            self.agent_trouble = error
            return False
        return True

    def beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something run beside the cells until it ends or the kernel does."""
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def interrupt(self) -> None:
        """Stop the running cell; a second one, while the first is being tried, gives the prompt back at once."""
        self._interrupts.interrupt()

    async def ask(self, function: str, *args: Any, **options: Any) -> Mapping[str, Any] | None:
        """The agent's answer to a question about code; None where there is no agent to ask.

        Never starts a server and never installs anything: it is called while the person types.
        """
        if not (self.with_agent and self.remote.epoch):
            return None
        with suppress(EngeeError, TimeoutError):
            return await asyncio.wait_for(self.remote.call(function, *args, **options), QUERY_BOUND_S)
        return None

    async def idle(self, bound_s: float) -> None:
        """Wait until no cell runs, or for the bound."""
        if self._work is not None:
            await asyncio.wait({self._work}, timeout=bound_s)

    async def detach(self) -> None:
        """The kernel ends: let go of what runs. The cell goes on in Engee; a job keeps its record."""
        for task in self._beside:
            task.cancel()
        if self._life is not None:
            await self._life.leave()
        if self._work is not None:
            self._work.cancel()
        await self.watch.close()

    # One cell

    async def _run(
        self, cell: Cell, output: Output, as_job: bool, name: str | None, limit_s: float, *, detached: bool = False
    ) -> None:
        async def route() -> None:
            if self._session_ended:
                await self.ready(output)
                self._session_ended = False
                self._cells_run = 0
            await self._choose_mode(output)
            if not as_job:
                await self._run_cell(cell, output)
            else:
                await self._run_job(cell, output, name, limit_s, detached)
            self._cells_run += 1

        async def route_on_started_server() -> None:
            try:
                await route()
            except ServerNotRunningError as error:
                # what never reached a running server has not run: start it and run the cell
                not_run = cell.state is State.NEW or (cell.state is State.SENT and not error.may_have_run)
                if not not_run:
                    cell.become(State.LOST)
                    raise SessionLostError.of_cell(error, may_have_run=True) from error
                if not self.options.auto_start:
                    raise
                cell.state = State.NEW
                await self.start_server(output)
                if self._cells_run:
                    output.notice("The Engee server had stopped and was started again: the variables are gone.")
                    self._cells_run = 0
                await route()

        try:
            await route_on_started_server()
        except SessionLostError as error:
            if error.may_have_run or self._cells_run:
                raise
            # no cell of this notebook had run in the old session: nothing is lost by going on
            cell.state = State.NEW
            await route_on_started_server()
        finally:
            # asked about before the next cell is sent: then it is certain that a stopped server has not run it
            self._session_ended = self._session_ended or cell.state is State.LOST
            await self.notes.ended(cell)

    async def _choose_mode(self, output: Output) -> None:
        if self.with_agent and not await self.agent_ready() and self.agent_trouble is not None:
            output.notice(f"{self.agent_trouble.message} Cells run in plain mode: output comes when a cell has ended.")

    async def _run_cell(self, cell: Cell, output: Output) -> None:
        if self.with_agent:
            await self._live(self._new_life(cell, output), "run")
        else:
            await plain.run_eval(self.client, cell, output, self.options)

    async def _run_job(self, cell: Cell, output: Output, name: str | None, limit_s: float, detached: bool) -> None:
        if self.with_agent and self._habits.share_process:
            life = self._new_life(cell, output)
            try:
                if detached:
                    await self._live(life, "hand_in", name, beside=True, limit_s=limit_s)
                    await attachment.begun(self.client, self.remote, cell)
                else:
                    await self._live(life, "run_as_job", name, limit_s)
                return
            except AgentMissingError:
                # the answer says that the code was not run; a job's id can't be used again
                self._habits.share_process = False
                output.notice("Jobs run in a process of their own here: without this notebook's variables.")
                cell.cell_id = str(uuid.uuid4())
                cell.state = State.NEW
        await plain.hand_in(self.client, cell, output, self.options, name=name, noted=self.notes.accepted)
        if not detached:
            await plain.follow_job(self.client, cell, output, self.options)

    async def _attach(self, cell: Cell, output: Output) -> None:
        async def live(handed: bool) -> None:
            await self._live(self._new_life(cell, output), "attach", handed=handed)

        await attachment.attach(self, cell, output, live)
        await self.notes.ended(cell)

    def _job_grace_s(self) -> float | None:
        return self.options.interrupt_grace_s if self.jobs_can_be_stopped else None

    def _new_life(self, cell: Cell, output: Output) -> Life:
        return Life(
            self.client,
            self.remote,
            cell,
            output,
            self.options,
            notebook=self.notebook,
            habits=self._habits,
            acknowledge=self._acknowledge,
            noted=self.notes.accepted,
        )

    async def _live(self, life: Life, method: str, *args: Any, **options: Any) -> None:
        self._life = life
        try:
            await getattr(life, method)(*args, **options)
        finally:
            self._life = None
            await life.close()

    async def _bounded(
        self, cell: Cell, output: Output, work: Coroutine[Any, Any, None], *, stops_code: bool = True
    ) -> None:
        """The work, with the person's interrupts and an eye on the server."""
        self._output = output
        while self.remarks:
            output.notice(self.remarks.pop(0))
        task = self._work = asyncio.create_task(self.watch.beside(work))
        try:
            grace_s = self.options.interrupt_grace_s
            await self._interrupts.bound(cell, output, task, lambda: self._life, grace_s=grace_s, stops_code=stops_code)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, EngeeError):
                await task
            self._work = self._output = None

    # The server

    async def ready(self, output: Output) -> None:
        """See that the server runs, for what is not a cell: starts it where `auto_start` allows.

        Raises ServerNotRunningError.
        """
        status = await self.client.status()
        self.watch.saw(status)
        if not status.running:
            if not self.options.auto_start:
                raise ServerNotRunningError(
                    f"The Engee server is {status.status}.",
                    "Start it: %engee start (the setting auto_start is off).",
                    server_status=status.status,
                )
            await self.start_server(output)

    async def start_server(self, output: Output, inactivity_timeout_s: float | None = None) -> None:
        """Start the server and wait until it runs, within `start_bound_s`. Raises ServerNotRunningError."""
        self.remote.forget_epoch()
        status, was_us = await server.start(
            self.client,
            bound_s=self.options.start_bound_s,
            progress=output.condition,
            inactivity_timeout_s=inactivity_timeout_s,
        )
        self.watch.saw(status)
        if was_us:
            self.started = status

    async def stop_what_it_started(self) -> None:
        """Stop the server if it is still the one that this session started. Raises EngeeError."""
        if self.started is None:
            return
        status = await self.client.status()
        if status.running and status.started_at == self.started.started_at:
            await self.client.stop()

    def server_has_gone(self) -> None:
        """The server was stopped on purpose: the next cell finds a new one, and that is no loss to tell of."""
        self.remote.forget_epoch()
        self.agent_trouble = None
        self._cells_run = 0

    def _remark(self, text: str) -> None:
        """Shown in the running cell's output, else in the next one's."""
        if self._output is not None:
            self._output.notice(text)
        else:
            self.remarks.append(text)
