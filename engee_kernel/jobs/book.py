"""The jobs of a notebook: what Engee lists, what the journal remembers, what the agent runs, as one list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from ..agent.dialogue import AgentMissingError, CellAnswer, EpochError
from ..api.replies import read_time
from ..api.wire import Job
from ..cells.session import Session
from ..facts.errors import (
    AgentUnavailableError,
    EngeeError,
    GatewayError,
    NotFoundError,
    ServerNotRunningError,
    SessionLostError,
    StillRunningError,
    UsageError,
)
from ..facts.events import Event
from ..facts.silence import Silence
from ..facts.text import duration
from ..records import calls
from ..records.calls import Condition
from ..records.journal import Entry, JournalError, Pages, has_mark
from ..records.record import (
    DONE,
    FAILED,
    INTERRUPTED,
    QUEUED,
    RUNNING,
    cell_number,
    decoded,
    outcome,
    read_record,
    verdict,
)
from .attachment import BEYOND_ALL_EVENTS
from .names import choose
from .rows import OF_COMPUTER, OF_NOBODY, OF_NOTEBOOK, Listing, Row, label_of, submitted

AGENT_BOUND_S = 2.0
LOOK_S = 1.0
ENDED_STATES = {"ok": DONE, "error": FAILED, "interrupted": INTERRUPTED}


class JobBook:
    """Starts no server and installs nothing to list jobs."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._client = session.client

    async def listing(self) -> Listing:
        """All known jobs of this Engee server, newest first. Raises what the API raises."""
        listing = Listing()
        jobs: list[Job] = []
        why_not = ""
        silence = Silence(asking=True)
        try:
            jobs = await self._client.jobs()
        except ServerNotRunningError as error:
            why_not = f"Engee is {error.server_status}"
            listing.remarks.append(f"{error.message} {_JOURNAL_ONLY}")
        except GatewayError as error:
            silence.heard_only(error)
            why_not = "Engee's gateway answers"
            listing.remarks.append(f"{silence.sentence(error)} Nothing is known to be lost. {_JOURNAL_ONLY}")
        entries = await self._entries(listing)
        cells = {} if why_not else await self._cells()
        ids = {job.job_id for job in jobs}
        rows = [self._of_job(job, entries.get(job.job_id), cells.get(job.job_id)) for job in jobs]
        rows += [
            self._of_entry(entry, cells.get(entry.job_id), why_not)
            for entry in entries.values()
            if entry.job_id not in ids
        ]
        known = ids | entries.keys()
        rows += [self._of_cell(cell) for job_id, cell in cells.items() if job_id not in known]
        first = datetime.min.replace(tzinfo=timezone.utc)
        # of jobs that began in the same moment the one that is listed last is the newest
        numbered = sorted(enumerate(rows), key=lambda one: (one[1].started or first, one[0]), reverse=True)
        listing.rows = [row for _, row in numbered]
        return listing

    async def find(self, word: str, tell: Callable[[str], None]) -> str:
        """The id of the job whose name is `word`, or whose id begins so. Raises UsageError.

        `tell` is told where several have the name.
        """
        job_id, remark = choose(word, (await self.listing()).rows)
        if remark:
            tell(remark)
        return job_id

    async def newest(self, *, running: bool = False) -> str:
        """The id of this notebook's newest job, else of this computer's. Raises UsageError.

        Never one that somebody else may have made with the same account: that takes its id. `running`: this notebook's
        newest that runs, and no other's: it is to be stopped.
        """
        rows = [row for row in (await self.listing()).rows if row.known]
        if running:
            rows = [row for row in rows if row.is_running and row.claim == OF_NOTEBOOK]
        for row in sorted(rows, key=lambda row: -row.claim):
            return row.job_id
        whose = (
            "This notebook has no job that runs" if running else "Neither this notebook nor this computer has a job yet"
        )
        raise UsageError(
            f"{whose}, as far as is known here.", "%jobs --all lists all that Engee knows: name one by its id."
        )

    async def verdict(self, job_id: str) -> list[Event]:
        """The value or the error of a job that has ended, and its end. Raises UsageError while it runs."""
        try:
            job = await self._client.job(job_id)
        except NotFoundError as error:
            return verdict(decoded(await self._agent_events(job_id, error)))
        if not job.done:
            raise UsageError("The job has not ended.", f"Wait for it: %jobs wait {job_id}")
        try:
            record = read_record(job)
        except (AgentMissingError, EpochError) as error:
            raise SessionLostError("The job met no agent in its Julia process: it did not run the cell.") from error
        except AgentUnavailableError as error:
            return verdict(decoded(await self._agent_events(job_id, error)))
        if isinstance(record, CellAnswer):
            if record.state != "done":
                return verdict(decoded(await self._agent_events(job_id, AgentUnavailableError(_SHOWN))))
            return verdict(decoded(record))
        return verdict(record)

    async def interrupt(self, job_id: str) -> str:
        """What came of it, as a sentence. Raises StillRunningError where the job can't be stopped."""
        job = await self._job(job_id)
        if job is not None and job.done:
            return "The job had ended already."
        answer = await self._told_to_stop(job_id)
        if answer is None or answer.get("state") == "unknown":
            raise StillRunningError(
                "This job can't be stopped: Engee's API has no call for it, and the agent does not run this job.",
                "End it by restarting Engee: %engee restart",
            )
        if answer.get("state") in ("done", "forgotten") and not answer.get("interrupted"):
            return "The job had ended already."
        grace_s = self._session.options.interrupt_grace_s
        try:
            await asyncio.wait_for(self._until_stopped(job_id), grace_s)
        except (asyncio.TimeoutError, TimeoutError):
            raise StillRunningError(
                f"The job was interrupted, but has not stopped within {duration(grace_s)}: code that never yields "
                "can't be stopped from outside.",
                "End it by restarting Engee: %engee restart",
            ) from None
        return "The job was interrupted and has stopped."

    async def wait(self, ids: Sequence[str], timeout_s: float | None, condition: Condition) -> None:
        """Until all of them have ended. Raises StillRunningError when the time is over; lost ones count as ended."""
        left = set(ids)

        async def one(job_id: str) -> None:
            bound_s = self._session.options.reconnect_bound_s
            try:
                await calls.finished(self._client, job_id, condition=lambda _: None, bound_s=bound_s)
            except NotFoundError:
                await self._until_agent_is_done(job_id)
            left.discard(job_id)
            condition(_waiting_for(left))

        condition(_waiting_for(left))
        tasks = [asyncio.create_task(one(job_id)) for job_id in ids]
        try:
            await asyncio.wait_for(asyncio.gather(*tasks), timeout_s)
        except (asyncio.TimeoutError, TimeoutError):
            raise StillRunningError(
                f"{_waiting_for(left).capitalize()} after {duration(timeout_s or 0)}.",
                "The jobs go on in Engee. Wait again, or look: %jobs --running",
            ) from None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            condition("")

    # Where it comes from

    async def _entries(self, listing: Listing) -> Mapping[str, Entry]:
        journal = self._session.notes.journal
        if journal is None:
            return {}
        try:
            pages: Pages = await asyncio.to_thread(journal.read)
        except JournalError as error:
            listing.remarks.append(f"{error.message} {error.hint}")
            return {}
        if pages.unreadable:
            lines = "1 line" if pages.unreadable == 1 else f"{pages.unreadable} lines"
            listing.remarks.append(f"{lines} of the journal {journal.path} can't be read and were skipped.")
        server = self._client.prefix or self._client.url
        return {job_id: entry for job_id, entry in pages.entries.items() if entry.server == server}

    async def _cells(self) -> Mapping[str, Mapping[str, Any]]:
        """The cells that the agent runs or will run, by id; none where it does not answer at once."""
        try:
            answer = await asyncio.wait_for(self._session.ask("cells"), AGENT_BOUND_S)
        except (asyncio.TimeoutError, TimeoutError):
            return {}
        cells = answer.get("cells", ()) if answer else ()
        return {str(cell["id"]): cell for cell in cells if cell.get("state") in (RUNNING, QUEUED)}

    async def _job(self, job_id: str) -> Job | None:
        try:
            return await self._client.job(job_id)
        except NotFoundError:
            return None

    async def _agent_events(self, job_id: str, otherwise: EngeeError) -> CellAnswer:
        """All events of a cell that has ended. Raises UsageError while it runs, `otherwise` if it is not known."""
        raw: list[Mapping[str, Any]] = []
        while await self._session.agent_ready():
            answer = await self._session.remote.cell_call("events", job_id, len(raw), 0.0, wait_s=0.0)
            if answer.state in (RUNNING, QUEUED):
                raise UsageError("The job has not ended.", f"Wait for it: %jobs wait {job_id}")
            if answer.state != "done":
                break
            raw += answer.events
            if not answer.more:
                return CellAnswer("done", raw)
        raise otherwise

    async def _told_to_stop(self, job_id: str) -> Mapping[str, Any] | None:
        if not await self._session.agent_ready():
            return None
        try:
            return await self._session.remote.call("interrupt", job_id)
        except (AgentMissingError, EpochError):
            # Engee was restarted behind our back: what ran is gone
            self._session.remote.forget_epoch()
            return None

    async def _until_stopped(self, job_id: str) -> None:
        remote = self._session.remote
        state = RUNNING
        while state in (RUNNING, QUEUED):
            wait_s = min(LOOK_S, remote.wait_s)
            answer = await remote.cell_call("events", job_id, BEYOND_ALL_EVENTS, wait_s, wait_s=wait_s)
            state = answer.state

    async def _until_agent_is_done(self, job_id: str) -> None:
        """For a cell that no job keeps."""
        pause_s = calls.FIRST_POLL_S
        while job_id in await self._cells():
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * calls.POLL_GROWTH, calls.LONGEST_POLL_S)

    # Rows

    def _of_job(self, job: Job, entry: Entry | None, cell: Mapping[str, Any] | None) -> Row:
        end = outcome(job)
        state = QUEUED if cell is not None and cell["state"] == QUEUED and not job.done else end.state
        number = cell_number(job.name)
        name = (entry.name if entry else "") or ("" if number is not None else job.name or "")
        if entry is not None and (number is not None or not name):
            label = label_of(entry)
        else:
            label = f"cell In[{number}]" if number is not None else name
        started = job.start_time
        if number is not None and job.end_time is not None and end.elapsed_s is not None:
            started = job.end_time - timedelta(seconds=end.elapsed_s)
        elif number is not None and cell is not None and not job.done:
            started = submitted(cell)
        ours, claim = self._claim(job.job_id, entry, cell)
        return Row(job.job_id, label, name, state, started, job.end_time, end.first_line, ours, claim)

    def _of_entry(self, entry: Entry, cell: Mapping[str, Any] | None, why_not: str) -> Row:
        if cell is not None:
            state = str(cell["state"])
        elif entry.status:
            state = ENDED_STATES.get(entry.status, DONE)
        elif why_not:
            state = f"not known: {why_not}"
        elif entry.epoch and entry.epoch == self._session.remote.epoch:
            state = "not known: Engee has forgotten it"
        else:
            state = "lost: Engee was restarted"
        gone = "(its result is not kept any more)" if entry.status and cell is None else ""
        started, ended = read_time(entry.created), read_time(entry.ended)
        ours, claim = self._claim(entry.job_id, entry, cell)
        return Row(entry.job_id, label_of(entry), entry.name, state, started, ended, gone, ours, claim)

    def _of_cell(self, cell: Mapping[str, Any]) -> Row:
        ours, claim = self._claim(str(cell["id"]), None, cell)
        label = f"cell In[{cell['count']}]"
        return Row(str(cell["id"]), label, "", str(cell["state"]), submitted(cell), ours=ours, claim=claim)

    def _claim(self, job_id: str, entry: Entry | None, cell: Mapping[str, Any] | None) -> tuple[bool, int]:
        """Whether it is no other notebook's, and whose it is: by what this session made, by the journal, else by the
        mark that its worker is named with.
        """
        session, journal = self._session, self._session.notes.journal
        worker = str(cell.get("notebook", "")) if cell is not None else ""
        # a worker of its own is named after the notebook's
        if job_id in session.notes.made or worker.partition("/")[0] == session.notebook:
            return True, OF_NOTEBOOK
        if journal is None or (entry is None and not has_mark(worker)):
            return True, OF_NOBODY
        is_ours = entry.notebook == journal.notebook if entry is not None else worker.startswith(journal.mark)
        return is_ours, OF_NOTEBOOK if is_ours else OF_COMPUTER if entry is not None else OF_NOBODY


_JOURNAL_ONLY = "The list comes from this computer's journal."
_SHOWN = "The cell's output was shown when it ran, and Engee does not keep it any longer."


def _waiting_for(left: Collection[str]) -> str:
    return "" if not left else "1 job still runs" if len(left) == 1 else f"{len(left)} jobs still run"
