"""What a session writes down of its jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..api.client import EngeeClient
from ..cells.cell import Cell
from ..cells.records import FAILED, INTERRUPTED
from ..cells.remote import Remote
from .journal import Entry, Journal, JournalError, now_text

STATUS = {FAILED: "error", INTERRUPTED: "interrupted"}


class Notes:
    """Jobs go to the journal, where there is one. `tell` is told once of a journal that can't be written."""

    def __init__(
        self, client: EngeeClient, remote: Remote, journal: Journal | None, tell: Callable[[str], None]
    ) -> None:
        self.journal = journal
        self._client = client
        self._remote = remote
        self._jobs: set[str] = set()
        self._tell = tell

    async def accepted(self, cell: Cell, kind: str, name: str) -> None:
        """Called when Engee has accepted a job; the arguments are those of `calls.Noted`."""
        self._jobs.add(cell.cell_id)
        if self.journal is not None:
            server = self._client.prefix or self._client.url
            notebook = self.journal.notebook
            await self._write(
                self.journal.note,
                Entry(cell.cell_id, server, notebook, kind, cell.count, name, self._remote.epoch, now_text()),
            )

    def has_job(self, cell: Cell) -> bool:
        """Whether a job that was accepted keeps the cell's record, and its end was not seen yet."""
        return cell.cell_id in self._jobs

    async def finished(self, job_id: str, state: str) -> None:
        """A job was seen to have ended; `state` is one of `records`."""
        if self.journal is not None:
            self._jobs.discard(job_id)
            await self._write(self.journal.ended, job_id, STATUS.get(state, "ok"))

    async def ended(self, cell: Cell) -> None:
        """Called when a cell is no longer followed, whether it has ended or not."""
        if self.journal is not None and cell.done is not None and cell.cell_id in self._jobs:
            self._jobs.discard(cell.cell_id)
            await self._write(self.journal.ended, cell.cell_id, cell.done.status)

    async def _write(self, write: Callable[..., None], *arguments: Any) -> None:
        try:
            await asyncio.to_thread(write, *arguments)
        except JournalError as error:
            self.journal = None
            self._tell(f"{error.message} {error.hint}")
