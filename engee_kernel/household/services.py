"""What a person's cells share, whoever runs them: the settings, the session with Engee, remarks for the next output."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from ..facts.errors import EngeeError, SettingError, UsageError
from ..facts.events import Input

if TYPE_CHECKING:
    from ..cells.headstart import HeadStart
    from ..cells.output import Output
    from ..cells.session import Session
    from ..controls.book import Book
    from ..controls.stage import Stage
    from ..jobs.leftovers import Leftovers
    from .settings import EngeeSettings

Ask = Callable[[Input], Awaitable[str | None]]

LOOK_BOUND_S = 5.0
"""How long a first cell waits to be told what an earlier kernel left running, where the journal knows of any."""


class Services:
    """What magics may use of the one who runs them: the kernel, or the extension of a Python notebook.

    That one calls `use_settings`, or `no_settings` with the error that says why there are none. `output` and `ask`
    are there while a cell runs; `ask` is None where the front end takes no input. `stage` is there while a cell runs
    that may show controls; `controls` are those that were shown.
    """

    def __init__(self) -> None:
        self._settings: EngeeSettings | None = None
        self._settings_trouble: EngeeError | None = None
        self.session: Session | None = None
        self.head_start: HeadStart | None = None
        """For the first session."""
        self.remote_folder = "/user"
        self.output: Output | None = None
        self.ask: Ask | None = None
        self.stage: Stage | None = None
        self.controls: Book | None = None
        self.cells: list[tuple[int, str]] = []
        self._retired: list[Session] = []
        self._remarks: list[str] = []
        self._file = ""
        self.leftovers: Leftovers | None = None
        self._looked_for = ""
        self._looking: asyncio.Task[None] | None = None

    @property
    def settings(self) -> EngeeSettings:
        """Raises SettingError where they can't be used."""
        if self._settings is None:
            trouble = self._settings_trouble or SettingError("The settings were not read.", "Restart the kernel.")
            raise trouble.with_traceback(None)  # raised by each cell: its trace must not grow
        return self._settings

    @property
    def has_settings(self) -> bool:
        return self._settings is not None

    def use_settings(self, settings: EngeeSettings) -> None:
        self._settings = settings

    def no_settings(self, why: EngeeError) -> None:
        self._settings_trouble = why

    @property
    def sessions(self) -> list[Session]:
        """Those in use before settings changed, then the present one."""
        return [*self._retired, *([self.session] if self.session is not None else [])]

    def engee(self) -> Session:
        """The session with Engee, made when it is first needed. Called in the loop. Raises SettingError."""
        if self.session is None:
            # here, because httpx costs start-up time
            from ..api.client import EngeeClient  # noqa: PLC0415
            from ..cells.session import Session  # noqa: PLC0415

            settings = self.settings
            head_start, self.head_start = self.head_start, None
            client = (
                head_start.client(self.tell)
                if head_start is not None
                else EngeeClient(settings.url, settings.tokens(self.tell))
            )
            before = self._retired[-1] if self._retired else None
            journal = settings.journal(file=self._file)
            notebook = before.notebook if before else journal.worker()
            self.session = Session(
                client,
                settings.options(),
                tell=self.tell,
                notebook=notebook,
                journal=journal,
                head_start=head_start,
            )
            self.session.started = before.started if before else None
        return self.session

    @property
    def file(self) -> str:
        """The notebook's file where the front end says it with a cell; ""."""
        return self._file

    def runs_in(self, file: str) -> None:
        """The front end says with a cell which file the notebook is: what comes is noted under it."""
        if not file or self._file:
            return
        self._file = file
        if self.session is not None and not self._retired and not self.session.cells_run:
            self.session.notes.journal = journal = self.settings.journal(file=file)
            self.session.notebook = journal.worker()

    # What earlier kernels left in Engee

    def look_back(self) -> None:
        """Look for it, beside all else and once for each notebook that this one was taken for; `tell` tells of it.

        Called in the loop. Raises SettingError.
        """
        session = self.engee()
        if self.leftovers is not None and self._looked_for == session.notebook:
            return
        from ..jobs.leftovers import Leftovers  # noqa: PLC0415 - it needs what the session needs

        if self._looking is not None:
            self._looking.cancel()
        self._looked_for = session.notebook
        self.leftovers = Leftovers(session, self.tell)
        self._looking = asyncio.create_task(self.leftovers.look())

    async def tell_before(self, code: str, output: Output) -> None:
        """Before a cell runs: what the person should know of what runs already."""
        with suppress(SettingError):  # the cell says it if it needs Engee
            self.look_back()
        if self.leftovers is not None:
            await self.leftovers.journal_is_read(LOOK_BOUND_S)
            for remark in await self.leftovers.remarks_before(code):
                output.notice(remark)

    def disconnect(self) -> None:
        """Let the next cell use changed settings. What runs beside the cells goes on with the old ones."""
        if self.session is not None:
            self._retired.append(self.session)
        self.session = self.head_start = None

    def apply_settings(self) -> None:
        """Let the session that there is use changed settings."""
        if self.session is not None:
            self.session.options = self.settings.options()
            self.session.watch.keep_alive = self.settings.keep_alive

    def begin(self, output: Output | None, ask: Ask | None, stage: Stage | None = None) -> None:
        """A cell begins; `output` None: it is a silent one, which shows no remarks."""
        self.output, self.ask, self.stage = output, ask, stage
        while output is not None and self._remarks:
            output.notice(self._remarks.pop(0))

    def end(self) -> None:
        """The cell is over."""
        self.output = self.ask = self.stage = None

    def interrupt(self) -> bool:
        """Stop the remote cell; False where none runs."""
        if self.session is None or not self.session.busy:
            return False
        self.session.interrupt()
        return True

    def tell(self, text: str) -> None:
        """A remark for the person: in the running cell's output, else in the next one's."""
        if self.output is not None:
            self.output.notice(text)
        else:
            self._remarks.append(text)

    def history(self) -> list[tuple[int, str]]:
        """Execution counts and codes of the cells, oldest first; empty where the front end keeps them itself."""
        return list(self.cells)

    async def ask_line(self, prompt: str, *, password: bool = False) -> str | None:
        """A line from the person through the front end. Raises UsageError where it takes no input."""
        if self.ask is None:
            raise UsageError("This front end takes no input.", "Use the command line: engee-kernel login")
        return await self.ask(Input(0, prompt, password))

    async def close(self, *, stop_server: bool) -> None:
        """Let go of what runs, and close the connections.

        Raises EngeeError when the server should stop and did not; everything is closed all the same.
        """
        sessions = self.sessions
        self.session, self._retired = None, []
        if self._looking is not None:
            self._looking.cancel()
        for session in sessions:
            await session.detach()
        try:
            if stop_server and sessions:
                from ..cells import serving  # noqa: PLC0415 - loaded already where there is a session

                await serving.stop_what_it_started(sessions[-1])
        finally:
            for session in sessions:
                await session.client.close()
