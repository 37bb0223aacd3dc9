"""One notebook's session with Engee: what is known of it, and the one thing at a time that is awaited.

What is done with it is elsewhere: `running` runs a cell, `serving` starts the server, `engee_kernel.jobs` has jobs.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from ..api.client import EngeeClient
from ..api.wire import ServerStatus
from ..facts.errors import AgentUnavailableError, EngeeError
from ..records.calls import JobHabits
from ..records.journal import Journal
from ..records.notes import Notes
from ..server.watch import ServerWatch
from .cell import Cell
from .headstart import HeadStart
from .interrupts import Followed, Interrupts
from .options import Options
from .output import Output
from .remote import Remote

QUERY_BOUND_S = 10.0
LAST_WORK_BOUND_S = 2.0

AnyFollowed = TypeVar("AnyFollowed", bound=Followed)


class Session:
    """`notebook` names the worker that runs this notebook's cells in the agent. `tell` shows the person a remark, in
    the output of the running cell or of the next one.

    All methods belong to one event loop.
    """

    def __init__(
        self,
        client: EngeeClient,
        options: Options,
        *,
        tell: Callable[[str], None],
        notebook: str = "",
        journal: Journal | None = None,
        head_start: HeadStart | None = None,
    ) -> None:
        self.client = client
        self.options = options
        self.notebook = notebook or str(uuid.uuid4())
        self.title = re.split(r"[\\/]", journal.notebook)[-1] if journal is not None else ""
        """What the person calls the notebook, as far as that is known: others that wait for it are told."""
        self.remote = Remote(
            client,
            poll_wait_s=options.poll_wait_s,
            from_image=options.image,
            begun=head_start.remote if head_start is not None else None,
        )
        self._head_start = head_start
        self.agent_trouble: AgentUnavailableError | None = None
        self.watch = ServerWatch(client, keep_alive=options.keep_alive, tell=tell)
        self.notes = Notes(client, journal, tell)
        self.habits = JobHabits()
        self.started: ServerStatus | None = None
        """The server that this session started, as it was once it ran."""
        self.cells_run = 0
        """In the present Julia process: what would be lost with it."""
        self.process_ended = False
        """A cell was lost with its Julia process, and no other process has taken a cell since."""
        self.images_asked = set[str]()
        """The Julia processes that were asked to make an image of the agent, by epoch."""
        self.acknowledged: list[str] = []
        """Cells whose events are all here: the agent may drop them. Told with the next cell."""
        self._interrupts = Interrupts()
        self._work: asyncio.Task[None] | None = None
        self._beside, self._awaited = set[asyncio.Task[None]](), set[asyncio.Task[None]]()

    # The agent

    @property
    def with_agent(self) -> bool:
        return self.options.mode == "agent" and self.agent_trouble is None

    @property
    def jobs_can_be_stopped(self) -> bool:
        """Whether a job runs under the agent, as far as that is known."""
        return self.with_agent and self.habits.share_process

    async def prepare(self) -> None:
        """Install the agent in a server that runs already; a stopped one is left alone.

        Called in the background when the kernel starts. Raises nothing of Engee's: a cell will say it.
        """
        if not self.with_agent:
            return
        with suppress(EngeeError):
            found = await self._head_start.found() if self._head_start is not None else None
            status = (found and found.status) or await self.client.status()
            self.watch.saw(status)
            if status.running:
                await self.agent_ready()

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

    async def ask(self, function: str, *args: Any, **options: Any) -> Mapping[str, Any] | None:
        """The agent's answer to a question about code; None where there is no agent to ask.

        Never starts a server and never installs anything: it is called while the person types.
        """
        if not (self.with_agent and self.remote.epoch):
            return None
        with suppress(EngeeError, TimeoutError):
            return await asyncio.wait_for(self.remote.call(function, *args, **options), QUERY_BOUND_S)
        return None

    # What is awaited

    @property
    def busy(self) -> bool:
        return self._work is not None

    async def attend(
        self, cell: Cell, output: Output, work: Coroutine[Any, Any, None], *, stops_code: bool = True
    ) -> None:
        """Await what is done for a cell, with the person's interrupts and an eye on the server.

        `stops_code` False: an interrupt ends the waiting only. Raises what the work raises, and StillRunningError
        where it was interrupted and the code goes on.
        """
        task = self._work = asyncio.create_task(self.watch.beside(work))
        try:
            grace_s = self.options.interrupt_grace_s
            await self._interrupts.bound(cell, output, task, grace_s=grace_s, stops_code=stops_code)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, EngeeError):
                await task
            self._work = None

    @asynccontextmanager
    async def following(self, life: AnyFollowed) -> AsyncIterator[AnyFollowed]:
        """While this lasts, an interrupt stops the cell whose life it is."""
        self._interrupts.followed = life
        try:
            yield life
        finally:
            self._interrupts.followed = None
            await life.close()

    def interrupt(self) -> None:
        """Stop the running cell; a second one, while the first is being tried, gives the prompt back at once."""
        self._interrupts.interrupt()

    async def idle(self, bound_s: float) -> None:
        """Wait until no cell runs, or for the bound."""
        if self._work is not None:
            await asyncio.wait({self._work}, timeout=bound_s)

    def beside(self, work: Coroutine[Any, Any, None], *, to_the_end: bool = False) -> None:
        """Let something run beside the cells until it ends or the kernel does, which waits a moment `to_the_end`."""
        task = asyncio.create_task(work)
        self._beside.add(task)
        if to_the_end:
            self._awaited.add(task)
            task.add_done_callback(self._awaited.discard)
        task.add_done_callback(self._beside.discard)

    async def detach(self) -> None:
        """The kernel ends: let go of what runs. The cell goes on in Engee; a job keeps its record."""
        if self._awaited:
            await asyncio.wait(self._awaited, timeout=LAST_WORK_BOUND_S)
        for task in self._beside:
            task.cancel()
        await self._interrupts.let_go()
        if self._work is not None:
            self._work.cancel()
        await self.watch.close()
