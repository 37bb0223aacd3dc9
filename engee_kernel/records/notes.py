"""What a notebook writes down of its jobs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

from ..api.client import EngeeClient
from .journal import Entry, Journal, JournalError, now_text
from .record import FAILED, INTERRUPTED

STATUS = {FAILED: "error", INTERRUPTED: "interrupted"}


class Notes:
    """Jobs go to the journal, where there is one. `tell` is told once of a journal that can't be written."""

    def __init__(self, client: EngeeClient, journal: Journal | None, tell: Callable[[str], None]) -> None:
        self.journal = journal
        self._client = client
        self._open: set[str] = set()
        self.made: set[str] = set()
        """The ids of all jobs that this session made, whether there is a journal or not."""
        self._tell = tell

    async def accepted(self, job_id: str, kind: str, *, count: int, name: str, epoch: str) -> None:
        """Called when Engee has accepted a job. `kind`, `count`, `name` and `epoch` as in `journal.Entry`."""
        self._open.add(job_id)
        self.made.add(job_id)
        if self.journal is not None:
            server = self._client.prefix or self._client.url
            notebook = self.journal.notebook
            entry = Entry(job_id, server, notebook, kind, count, name, epoch, now_text(), pid=os.getpid())
            await self._write(self.journal.note, entry)

    def is_open(self, job_id: str) -> bool:
        """Whether the job was accepted, and its end was not seen yet."""
        return job_id in self._open

    async def finished(self, job_id: str, state: str) -> None:
        """A job was seen to have ended; `state` is one of `record`'s words."""
        await self.ended(job_id, STATUS.get(state, "ok"), known=False)

    async def ended(self, job_id: str, status: str, *, known: bool = True) -> None:
        """A job's code was seen to have ended; `status` is a Done event's. `known`: only if the job is open."""
        if self.journal is None or (known and job_id not in self._open):
            return
        self._open.discard(job_id)
        await self._write(self.journal.ended, job_id, status)

    async def _write(self, write: Callable[..., None], *arguments: Any) -> None:
        try:
            await asyncio.to_thread(write, *arguments)
        except JournalError as error:
            self.journal = None
            self._tell(f"{error.message} {error.hint}")
