"""One cell's life with the agent: submit → events → handed to a job → done.

The cell runs in a worker of the agent; nothing here waits for it in a way that could be lost.
Requests that fail are repeated with the cell's id, which makes repeating harmless; what the states
are and how they follow each other is `engee_kernel.cell`'s.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

from .cell import Cell, State
from .client import EngeeClient
from .dialogue import AgentMissingError, CellAnswer, EpochError, read_cell
from .errors import (
    AgentUnavailableError,
    ApiError,
    EngeeError,
    GatewayError,
    JobExistsError,
    NetworkError,
    NotFoundError,
    RateLimitedError,
    ServerNotRunningError,
    SessionLostError,
    StillRunningError,
)
from .events import Input
from .output import Options, Output
from .remote import Remote, is_stall
from .text import duration

JOB_POLL_S = 5.0
LONGEST_PAUSE_S = 5.0
JOB_NAME_LIMIT = 60


class JobHabits:
    """What this Engee has shown of its jobs; kept for the session so that it is learned once."""

    def __init__(self) -> None:
        self.share_process = True
        self.let_evals_through = True

    @property
    def usable(self) -> bool:
        """Whether a `finish` job keeps a cell's record without silencing it."""
        return self.share_process and self.let_evals_through


class Life:
    """Runs one cell and follows it. `submit` and its kin are asked through `remote`, jobs through `client`."""

    def __init__(
        self,
        client: EngeeClient,
        remote: Remote,
        cell: Cell,
        output: Output,
        options: Options,
        *,
        notebook: str,
        habits: JobHabits,
        acknowledge: list[str],
    ) -> None:
        self._client = client
        self._remote = remote
        self._cell = cell
        self._output = output
        self._options = options
        self._notebook = notebook
        self._habits = habits
        self._acknowledge = acknowledge
        self._started = time.monotonic()
        self._trouble_since: float | None = None
        self._pause_s = 0.0
        self._answered_since_job = False
        self._job: asyncio.Task[None] | None = None
        self._next_job_poll = 0.0
        self._asking: asyncio.Task[None] | None = None
        self._tries = 0

    # From start to end

    async def run(self) -> None:
        """Submit the cell and follow it to its end. Raises what ended it otherwise."""
        await self._remote.ensure()
        self._cell.become(State.SENT)
        await self._follow()

    async def run_as_job(self, name: str | None) -> None:
        """The same through the jobs API from the start: the job runs the cell and keeps its record.

        Raises AgentMissingError when jobs run in a process of their own; the code was not run then.
        """
        await self._remote.ensure()
        self._cell.become(State.SENT)
        code = self._remote.command("job", *self._arguments(), **self._settings())
        await self._client.create_job(code, job_id=self._cell.cell_id, name=name)
        self._cell.become(State.HANDED)
        await self._follow()

    async def attach(self) -> None:
        """Follow a cell that an earlier kernel handed to a job."""
        await self._remote.ensure()
        self._cell.become(State.SENT)
        self._cell.become(State.HANDED)
        self._next_job_poll = time.monotonic()
        await self._follow()

    async def interrupt(self) -> None:
        """Ask the agent to stop the cell, again while the network fails. Bounded by the caller."""
        pause_s = 0.1
        while not self._cell.over:
            try:
                await self._remote.call("interrupt", self._cell.cell_id)
                return
            except (NetworkError, GatewayError, RateLimitedError):
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def leave(self, bound_s: float = 2.0) -> None:
        """Give up waiting: make sure that a job keeps the record, where that is still possible."""
        if self._cell.over:
            return
        if self._job is None and self._cell.state is not State.HANDED and self._habits.usable:
            self._job = asyncio.create_task(self._hand_over())
        if self._job is not None:
            await asyncio.wait({self._job}, timeout=bound_s)
        self._cell.become(State.LEFT)

    async def close(self) -> None:
        """End what runs beside the cell."""
        for task in (self._asking, self._job):
            if task is not None and not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    # The loop

    async def _follow(self) -> None:
        while not self._cell.over:
            self._hand_over_when_long()
            try:
                answer = await self._ask()
            except (EpochError, AgentMissingError, ServerNotRunningError) as error:
                await self._lost(error)
            except (NetworkError, GatewayError, RateLimitedError) as error:
                await self._trouble(error)
            except ApiError as error:
                self._cell.become(State.LEFT)
                raise StillRunningError(
                    f"{error.message} The cell goes on in Engee.", self._attach_hint(error.hint)
                ) from error
            else:
                self._recovered()
                await self._take(answer)

    async def _ask(self) -> CellAnswer:
        cell = self._cell
        look_at_job = self._next_job_poll and time.monotonic() >= self._next_job_poll
        if look_at_job and (answer := await self._job_answer()) is not None:
            return answer
        if cell.state is State.SENT:
            self._tries += 1
            wait_s = min(self._options.handoff_after_s, self._remote.wait_s)
            return await self._remote.cell_call(
                "submit",
                *self._arguments(),
                wait_s,
                list(self._acknowledge),
                wait_s=wait_s,
                **self._settings(),
            )
        wait_s = self._remote.wait_s
        if self._habits.usable and self._job is None and cell.state is State.RUNNING:
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
        for event in cell.accept(answer):
            if isinstance(event, Input):
                self._ask_person(event)
            else:
                await self._output.publish(event)
        if before is State.SENT:
            self._acknowledge.clear()
        if cell.state is State.DONE:
            self._acknowledge.append(cell.cell_id)

    async def _not_there_yet(self) -> None:
        """A job that was accepted has not begun: wait for it, and look at the job itself."""
        if self._cell.state is not State.HANDED:
            raise AgentUnavailableError("The agent does not know this cell.")
        if not self._next_job_poll:
            self._next_job_poll = time.monotonic()
        await asyncio.sleep(0.2)

    # Jobs

    def _hand_over_when_long(self) -> None:
        long = time.monotonic() - self._started >= self._options.handoff_after_s
        if long and self._job is None and self._cell.state is State.RUNNING and self._habits.usable:
            self._job = asyncio.create_task(self._hand_over())
            self._answered_since_job = False

    async def _hand_over(self) -> None:
        """Create the job that only waits for the cell and then holds all its events."""
        code = self._remote.command("finish", self._cell.cell_id)
        name = " ".join(self._cell.code.split())[:JOB_NAME_LIMIT]
        try:
            await self._client.create_job(code, job_id=self._cell.cell_id, name=f"In[{self._cell.count}] {name}")
        except JobExistsError:
            pass
        except EngeeError as error:
            # the cell goes on without a durable record, and says so only once
            if not isinstance(error, NetworkError | GatewayError | RateLimitedError):
                self._habits.share_process = False
                self._output.notice(
                    f"Long cells can't be handed to a job here ({error.message}) "
                    "They run on, but are lost to a kernel that dies."
                )
            return
        if self._cell.state in (State.SENT, State.RUNNING):
            self._cell.become(State.HANDED)

    async def _job_answer(self) -> CellAnswer | None:
        """What the job says, if it is done. Sets when to look again."""
        self._next_job_poll = time.monotonic() + JOB_POLL_S
        try:
            job = await self._client.job(self._cell.cell_id)
        except NotFoundError:
            return None
        if not job.done:
            return None
        self._next_job_poll = 0.0
        if job.error is not None:
            raise AgentUnavailableError(f"The job that kept this cell's record failed: {job.error.message}")
        try:
            answer = read_cell(job.text or "")
        except AgentMissingError:
            self._habits.share_process = False
            if self._cell.seen == 0 and self._job is None:
                raise  # the job was to run the cell, in a process that has no agent
            return None
        if not self._answered_since_job and self._job is not None:
            self._habits.let_evals_through = False
        return answer

    # Trouble

    def _recovered(self) -> None:
        self._trouble_since = None
        self._pause_s = 0.0
        self._answered_since_job = True
        self._output.condition("")

    async def _trouble(self, error: EngeeError) -> None:
        """A request failed. Decide what it means, say so, wait, return; or raise when the bound is reached."""
        now = time.monotonic()
        self._trouble_since = self._trouble_since or now
        if is_stall(error):
            self._remote.wait_was_too_long()
        if is_stall(error) and await self._server_runs():
            # no bound: the code is known to run, and the person can interrupt at any time
            self._trouble_since = None
            self._output.condition("Engee is busy with it and answers nothing else")
            if self._job is None and self._habits.usable:
                self._job = asyncio.create_task(self._hand_over())
            self._next_job_poll = self._next_job_poll or now
            return
        left_s = self._options.reconnect_bound_s - (now - self._trouble_since)
        if left_s <= 0:
            self._cell.become(State.LEFT)
            raise StillRunningError(
                f"Engee has not answered for {duration(self._options.reconnect_bound_s)} ({error.message}) "
                "The cell was sent once; it may still be running there.",
                self._attach_hint(error.hint),
            ) from error
        asked = getattr(error, "retry_after_s", None)
        self._pause_s = min(LONGEST_PAUSE_S, 2 * self._pause_s or 0.1)
        self._output.condition(f"no connection to Engee, trying again for {duration(left_s)}")
        await asyncio.sleep(min(asked if asked is not None else self._pause_s, max(left_s, 0.1)))

    async def _server_runs(self) -> bool:
        try:
            status = await self._client.status()
        except (NetworkError, GatewayError, RateLimitedError):
            return False
        if not status.running:
            await self._lost(
                ServerNotRunningError(f"The Engee server is {status.status}.", server_status=status.status)
            )
        return True

    async def _lost(self, error: EngeeError) -> None:
        """The Julia process that had the cell is gone. Takes what a finished job kept of the cell, where there
        is one; else raises SessionLostError.
        """
        self._remote.forget_epoch()
        if self._cell.state is State.HANDED and not isinstance(error, ServerNotRunningError):
            try:
                answer = await self._job_answer()
            except (NetworkError, ServerNotRunningError, GatewayError):
                answer = None
            if answer is not None:
                await self._take(answer)
                return
        self._cell.become(State.LOST)
        lost = SessionLostError(
            f"The Engee session has ended ({error.message.rstrip('.')}): its variables are gone. "
            f"This cell was not run{' again' if self._tries > 1 or self._cell.seen else ''}.",
            "Run the notebook from its start in the new session; files in /user are kept.",
        )
        lost.may_have_run = self._tries > 1 or self._cell.state is State.HANDED or self._cell.seen > 0
        raise lost from error

    def _attach_hint(self, hint: str) -> str:
        return f"{hint}\nFollow it later with: %jobs attach {self._cell.cell_id}".strip()

    # Prompts

    def _ask_person(self, prompt: Input) -> None:
        self._asking = asyncio.create_task(self._answer(prompt))

    async def _answer(self, prompt: Input) -> None:
        line = await self._output.ask(prompt)
        end_of_input = "\x04"
        try:
            await self._remote.call(
                "answer", self._cell.cell_id, prompt.prompt_id, end_of_input if line is None else line
            )
        except EngeeError as error:
            self._output.notice(f"What was typed did not reach the cell ({error.message}) Interrupt it and try again.")

    # Arguments

    def _arguments(self) -> tuple[str, str, int, str]:
        return (self._notebook, self._cell.cell_id, self._cell.count, self._cell.code)

    def _settings(self) -> dict[str, Any]:
        """Only what differs from the agent's defaults: the command travels with every cell."""
        settings: dict[str, Any] = {}
        if self._options.workspace != "main":
            settings["workspace"] = self._options.workspace
        if self._cell.silent:
            settings["silent"] = True
        if self._cell.stdin_allowed:
            settings["stdin_allowed"] = True
        if self._options.output_limit_bytes != Options.output_limit_bytes:
            settings["output_limit_bytes"] = self._options.output_limit_bytes
        if self._cell.expressions:
            settings["user_expressions"] = [part for pair in self._cell.expressions.items() for part in pair]
        return settings
