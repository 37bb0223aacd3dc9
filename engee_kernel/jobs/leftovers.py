"""What a notebook's earlier kernels left running in Engee, or ended without anybody to see it.

A front end that kills its kernel (VS Code's Restart, a laptop that sleeps) leaves the cell to Engee. The journal
knows the cells and jobs that have a record, the agent all that run there: their worker has the notebook's mark.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from ..api.replies import read_time
from ..api.wire import Job
from ..cells.cell import Cell
from ..cells.session import Session
from ..facts.errors import EngeeError
from ..records.journal import Entry, JournalError, is_at_work, pid_of
from ..records.record import CELL_NAME, NAMED_CODE_CHARS, QUEUED, RUNNING, outcome, short_ids
from .table import moment

ASK_BOUND_S = 10.0
ASK_AGAIN_BOUND_S = 2.0
TOLD_AT_MOST = 5
LINE_CHARS = 60


@dataclass(frozen=True)
class Leftover:
    """A cell or a job. `line`: how its code begins; `worker`: whose queue it is in, "" where that is not known."""

    job_id: str
    label: str
    line: str
    since: datetime | None
    is_running: bool = True
    ended: datetime | None = None
    worker: str = ""

    def begins_like(self, code: str) -> bool:
        """Whether it may be a run of this code: the agent tells the first line, a job's name the first words."""
        if not self.line:
            return False
        first = code.lstrip().split("\n", 1)[0] if self.worker else code
        chars = 2 * NAMED_CODE_CHARS if self.worker else NAMED_CODE_CHARS
        return _words(first)[:chars] == _words(self.line)[:chars]


class Leftovers:
    """For one session. `running` are those that ran when somebody looked last; `tell` shows the person a remark."""

    def __init__(self, session: Session, tell: Callable[[str], None]) -> None:
        self._session = session
        self._tell = tell
        self.running: dict[str, Leftover] = {}
        self._known: set[str] = set()
        self._journal_read = asyncio.Event()

    async def look(self) -> None:
        """Tell of what there is, first of what the journal knows. Starts no server, raises nothing of Engee's."""
        await asyncio.gather(self._session.prepare(), self._tell_of(self._in_journal))
        await self._tell_of(self._in_agent)

    async def journal_is_read(self, bound_s: float) -> None:
        """Wait until what the journal knows of is told, where it knows of any; for a moment at most."""
        if not self._journal_read.is_set() and await self._open_entries():
            with suppress(asyncio.TimeoutError, TimeoutError):
                await asyncio.wait_for(self._journal_read.wait(), bound_s)

    async def _tell_of(self, find: Callable[[], Awaitable[list[Leftover]]]) -> None:
        try:
            found = await asyncio.wait_for(find(), ASK_BOUND_S)
        except (asyncio.TimeoutError, TimeoutError, EngeeError):
            return
        finally:
            self._journal_read.set()
        fresh = [one for one in found if one.job_id not in self.running]
        if not found:
            return
        self.running |= {one.job_id: one for one in found if one.is_running}
        short = short_ids({*self._known, *(one.job_id for one in found)})
        for one in fresh[:TOLD_AT_MOST]:
            self._tell(self._remark(one, short[one.job_id]))
        if len(fresh) > TOLD_AT_MOST:
            self._tell(f"And {len(fresh) - TOLD_AT_MOST} more: %jobs lists them.")

    def left(self, cell: Cell) -> None:
        """This kernel has given up waiting for a cell of its own, which goes on."""
        if not self._session.with_agent:
            return
        line = cell.code.strip().split("\n", 1)[0]
        one = Leftover(cell.cell_id, f"Cell [{cell.count}]", line, None, worker=self._session.notebook)
        self.running[cell.cell_id] = one
        self._known.add(cell.cell_id)

    async def remarks_before(self, code: str) -> list[str]:
        """What a person should know before this code runs. Asks the agent only where something was left."""
        if not self.running:
            return []
        try:
            answer = await asyncio.wait_for(self._session.ask("cells"), ASK_AGAIN_BOUND_S)
        except (asyncio.TimeoutError, TimeoutError):
            answer = None
        if answer is None:
            return []  # whether they still run is not known
        alive = {cell["id"]: cell for cell in answer.get("cells", ()) if cell.get("state") in (RUNNING, QUEUED)}
        self.running = {
            job_id: replace(self._of_cell(alive[job_id]), label=one.label)
            for job_id, one in self.running.items()
            if job_id in alive
        }
        short = short_ids({*self._known, *self.running})
        remarks = []
        for one in self.running.values():
            waits = one.worker == self._session.notebook
            same = one.begins_like(code)
            if same or waits:
                what = f"{one.label}, which begins as this one does," if same else one.label
                code_of_it = f" ({_shortened(one.line)})" if one.line and not same else ""
                since = f", since {moment(one.since)}" if one.since else ""
                then = "this one waits until it has ended" if waits else "this one runs beside it"
                remarks.append(f"{what} still runs in Engee{since}{code_of_it}: {then}. {_ways(short[one.job_id])}")
        return remarks

    # Finding them

    async def _open_entries(self) -> Mapping[str, Entry]:
        """Of this notebook, on whatever server, made by kernels that are not at work any more."""
        notes = self._session.notes
        if notes.journal is None:
            return {}
        try:
            entries = (await asyncio.to_thread(notes.journal.read)).entries.values()
        except JournalError:
            return {}  # the first job says so
        return {
            entry.job_id: entry
            for entry in entries
            if entry.notebook == notes.journal.notebook
            and not (entry.status or notes.is_open(entry.job_id) or is_at_work(entry.pid, read_time(entry.created)))
        }

    async def _in_journal(self) -> list[Leftover]:
        entries = await self._open_entries()
        if not entries:
            return []
        client = self._session.client
        jobs = {job.job_id: job for job in await client.jobs()}
        self._known |= jobs.keys()
        server = client.prefix or client.url  # known by now
        ours = [entry for entry in entries.values() if entry.server == server and entry.job_id in jobs]
        return _newest_first([await self._of_job(jobs[entry.job_id], entry) for entry in ours])

    async def _in_agent(self) -> list[Leftover]:
        cells = await self._cells()
        self._known |= cells.keys()
        return _newest_first(map(self._of_cell, cells.values()))

    async def _cells(self) -> Mapping[str, Mapping[str, Any]]:
        """Those that the agent runs for kernels of this notebook that are not at work any more."""
        session, journal = self._session, self._session.notes.journal
        if journal is None or not any(map(self._is_earlier, session.remote.hello.get("cells", ()))):
            return {}
        answer = await session.ask("cells") or {}
        return {
            str(cell["id"]): cell
            for cell in answer.get("cells", ())
            if cell.get("state") in (RUNNING, QUEUED) and self._is_earlier(cell)
        }

    def _is_earlier(self, cell: Mapping[str, Any]) -> bool:
        journal, worker = self._session.notes.journal, str(cell.get("notebook", ""))
        is_ours = journal is not None and worker.startswith(f"{journal.mark}-")
        return is_ours and not worker.startswith(self._session.notebook) and not is_at_work(pid_of(worker))

    async def _of_job(self, job: Job, entry: Entry) -> Leftover:
        name = CELL_NAME.sub("", job.name or "")
        label = _label(entry)
        line = "" if label.startswith("Job “") else name
        since = read_time(entry.created) or job.start_time
        if not job.done:
            return Leftover(job.job_id, label, line, since)
        # told once: the next kernel knows its end from the journal
        await self._session.notes.finished(job.job_id, outcome(job).state)
        return Leftover(job.job_id, label, line, since, is_running=False, ended=job.end_time)

    def _of_cell(self, cell: Mapping[str, Any]) -> Leftover:
        since = datetime.fromtimestamp(float(cell["submitted"]), timezone.utc)
        label = f"Cell [{cell['count']}]"
        return Leftover(str(cell["id"]), label, str(cell.get("code", "")), since, worker=str(cell["notebook"]))

    def _remark(self, one: Leftover, short_id: str) -> str:
        journal = self._session.notes.journal
        whose = "of this notebook" if journal is None or not journal.is_of_folder else "of a notebook in this folder"
        code = f" ({_shortened(one.line)})" if one.line else ""
        if one.is_running:
            since = f", since {moment(one.since)}" if one.since else ""
            return f"{one.label} {whose} still runs in Engee{since}{code}. {_ways(short_id)}"
        at = f" at {moment(one.ended)}" if one.ended else ""
        return (
            f"{one.label} {whose} ended in Engee{at}{code}, when no kernel was there to see it. "
            f"%jobs attach {short_id} shows its output."
        )


def _newest_first(found: Iterable[Leftover]) -> list[Leftover]:
    first = datetime.min.replace(tzinfo=timezone.utc)
    return sorted(found, key=lambda one: (one.is_running, one.since or first), reverse=True)


def _ways(short_id: str) -> str:
    return f"%jobs attach {short_id} shows its output here; %jobs interrupt {short_id} stops it."


def _label(entry: Entry) -> str:
    return f"Job “{entry.name}”" if entry.name else f"Cell [{entry.count}]"


def _words(code: str) -> str:
    return " ".join(code.split())


def _shortened(line: str) -> str:
    words = _words(line)
    return words if len(words) <= LINE_CHARS else f"{words[: LINE_CHARS - 2]} …"
