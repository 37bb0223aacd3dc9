"""What the Engee kernel's magics need of a kernel, given by the extension."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

from ..api.client import EngeeClient
from ..cells.output import Output
from ..cells.session import Session
from ..errors import EngeeError, UsageError
from ..events import Input
from ..jupyter.config import EngeeSettings, read_config_files

Ask = Callable[[Input], Awaitable[str | None]]


class Services:
    """See `magics.registry.KernelServices`.

    `settings` are there from the first cell on, `output` and `ask` while one runs.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._session: Session | None = None
        self._retired: list[Session] = []
        self._remarks: list[str] = []
        self.settings: Any = None
        self.remote_folder = "/user"
        self.output: Output | None = None
        self.ask: Ask | None = None

    def engee(self) -> Session:
        """The session, made when it is first needed. Called in the loop. Raises SettingError."""
        if self._session is None:
            client = EngeeClient(self.settings.url, self.settings.tokens(self.tell))
            before = self._retired[-1] if self._retired else None
            notebook = before.notebook if before else ""
            journal = self.settings.journal()
            self._session = Session(client, self.settings.options(), notebook=notebook, journal=journal)
            self._session.started = before.started if before else None
        return self._session

    def disconnect(self) -> None:
        """Let the next cell use changed settings."""
        if self._session is not None:
            self._retired.append(self._session)
        self._session = None

    def apply_settings(self) -> None:
        """Let the session that there is use changed settings."""
        if self._session is not None:
            self._session.options = self.settings.options()
            self._session.watch.keep_alive = self.settings.keep_alive

    def interrupt(self) -> bool:
        """Stop the remote cell; False where none runs."""
        if self._session is None or not self._session.busy:
            return False
        self._session.interrupt()
        return True

    def tell(self, text: str) -> None:
        """A remark for the person: in this cell's output, else in the next one's."""
        if self.output is not None:
            self.output.notice(text)
        else:
            self._remarks.append(text)

    def begin(self, output: Output, ask: Ask | None) -> None:
        """A cell begins. Raises SettingError."""
        if self.settings is None:
            # as the Engee kernel finds them, and what IPython's own configuration says
            config = read_config_files()
            config.merge(self._shell.config)
            self.settings = EngeeSettings(config=config)
        self.output, self.ask = output, ask
        while self._remarks:
            output.notice(self._remarks.pop(0))

    def end(self) -> None:
        """The cell is over."""
        self.output = self.ask = None

    def history(self) -> list[tuple[int, str]]:
        """IPython has its own %history."""
        return []

    async def ask_line(self, prompt: str, *, password: bool = False) -> str | None:
        """A line from the person. Raises UsageError where the front end takes no input."""
        if self.ask is None:
            raise UsageError("This front end takes no input.", "Use the command line: engee-kernel login")
        return await self.ask(Input(0, prompt, password))

    async def close(self) -> None:
        """Let go of what runs, and close the connections. Called in the loop."""
        sessions = [*self._retired, *([self._session] if self._session is not None else [])]
        self._session, self._retired = None, []
        for session in sessions:
            await session.detach()
        if sessions and self.settings.stop_on_shutdown:
            try:
                await sessions[-1].stop_what_it_started()
            except EngeeError as error:
                sys.stderr.write(f"The Engee server was not stopped: {error.message}\n")
        for session in sessions:
            await session.client.close()
