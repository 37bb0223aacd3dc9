"""The user's Engee server: its life cycle, and the code that runs in it.

stopped ──start──► starting ──(start_time_s and Julia are both done)──► running
   ▲                  │ stop                                               │ stop, inactivity, session limit
   └──(stop_time_s)── stopping ◄───────────────────────────────────────────┘
starting, running ──(Julia died)──► stopped
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

from .jobs import Job, JobStore
from .replies import now
from .session import Failure, JuliaSession, Outcome, SessionEndedError, SessionStartError, Value
from .settings import Settings
from .userfolder import UserFolder

_T = TypeVar("_T")

Status = Literal["stopped", "starting", "running", "stopping"]


class ServerNotRunningError(Exception):
    """There is no session to run code in."""


class EngeeServer:
    def __init__(self, julia: Path, folder: UserFolder, log_path: Path, settings: Settings) -> None:
        self.settings = settings
        self.folder = folder
        self.jobs = JobStore()
        self.status: Status = "stopped"
        self.starting_at: datetime | None = None
        self.started_at: datetime | None = None
        self.stopping_at: datetime | None = None
        self.stopped_at: datetime | None = None
        self.last_activity_at: datetime | None = None
        self.inactivity_timeout_s: int = settings.inactivity_timeout_s
        self.failure: str | None = None
        self._julia = julia
        self._log_path = log_path
        self._session: JuliaSession | None = None
        self._job_sessions: set[JuliaSession] = set()
        self._calls_in_flight = 0
        self._eval_turn = asyncio.Lock()
        self._change: asyncio.Task[None] | None = None
        self._watches: list[asyncio.Task[None]] = []
        self._running_code: set[asyncio.Task[Any]] = set()

    # -- life cycle

    def start(self, inactivity_timeout_s: int | None = None) -> None:
        """Begin to start; a server that starts or runs already goes on. Raises ServerNotRunningError while it stops."""
        if self.status == "stopping":
            raise ServerNotRunningError("The server is stopping.")
        if inactivity_timeout_s is not None:
            self.inactivity_timeout_s = inactivity_timeout_s
        elif self.status == "stopped":
            self.inactivity_timeout_s = self.settings.inactivity_timeout_s
        if self.status == "stopped":
            self.status = "starting"
            self.starting_at = now()
            self.started_at = self.stopping_at = self.stopped_at = self.last_activity_at = None
            self.failure = None
            self._change = asyncio.create_task(self._start())

    def stop(self) -> None:
        """Begin to stop; nothing happens to a server that has stopped or is about to."""
        if self.status in ("starting", "running"):
            self.status = "stopping"
            self.stopping_at = now()
            starting = self._change
            self._change = asyncio.create_task(self._stop(starting))

    async def settled(self) -> Status:
        """Wait until the server neither starts nor stops."""
        while self.status in ("starting", "stopping"):
            if self._change is not None:
                await asyncio.wait({self._change})
        return self.status

    def kill_julia(self) -> None:
        """Let the Julia process die, as a crash would. Raises ServerNotRunningError."""
        self._require_session().kill()

    @property
    def session_limit_at(self) -> datetime | None:
        limit_s = self.settings.session_limit_s
        if limit_s is None or self.started_at is None or self.status != "running":
            return None
        return self.started_at + timedelta(seconds=limit_s)

    @property
    def julia_pid(self) -> int | None:
        return None if self._session is None else self._session.pid

    async def _start(self) -> None:
        starts = asyncio.create_task(JuliaSession.start(self._julia, self.folder, self._log_path))
        try:
            _, session = await asyncio.gather(asyncio.sleep(self.settings.start_time_s), asyncio.shield(starts))
        except asyncio.CancelledError:
            # A half-started Julia is not to be left alone: see it up, then down.
            with contextlib.suppress(SessionStartError):
                await (await starts).close()
            raise
        except SessionStartError as error:
            self.failure = str(error)
            self.status = "stopped"
            self.stopped_at = now()
            return
        self._session = session
        self.status = "running"
        self.started_at = self.last_activity_at = now()
        self._watches = [
            asyncio.create_task(self._stop_when_julia_ends(session)),
            asyncio.create_task(self._stop_when_idle()),
        ]

    async def _stop(self, starting: asyncio.Task[None] | None) -> None:
        if starting is not None and not starting.done():
            starting.cancel()
            await asyncio.wait({starting})
        await asyncio.gather(asyncio.sleep(self.settings.stop_time_s), self._end_sessions())
        self.status = "stopped"
        self.stopped_at = now()

    async def _end_sessions(self) -> None:
        for watch in self._watches:
            watch.cancel()
        session, self._session = self._session, None
        sessions = [*self._job_sessions, *([session] if session else [])]
        await asyncio.gather(*(one.close() for one in sessions))
        self.jobs.clear()

    async def _stop_when_julia_ends(self, session: JuliaSession) -> None:
        await session.ended.wait()
        if self._session is session:
            self.stopping_at = self.stopped_at = now()
            self.status = "stopped"
            self._watches.remove(asyncio.current_task())  # type: ignore[arg-type]
            await self._end_sessions()

    async def _stop_when_idle(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            moment = now()
            limit_at = self.session_limit_at
            if limit_at is not None and moment >= limit_at:
                self.stop()
                return
            if self._calls_in_flight or not self.jobs.idle.is_set():
                self.last_activity_at = moment
            idle_s = (moment - (self.last_activity_at or moment)).total_seconds()
            if self.inactivity_timeout_s and idle_s >= self.inactivity_timeout_s:
                self.stop()
                return

    # -- code

    @contextlib.contextmanager
    def activity(self) -> Iterator[None]:
        """Around each code or file call: while it lasts the server counts as used."""
        self.last_activity_at = now()
        self._calls_in_flight += 1
        try:
            yield
        finally:
            self._calls_in_flight -= 1
            self.last_activity_at = now()

    async def evaluate(self, code: str) -> Outcome:
        """Run code for an eval, to its end even if nobody waits. Raises ServerNotRunningError, SessionEndedError."""
        return await asyncio.shield(self._keep(self._evaluate(code)))

    async def _evaluate(self, code: str) -> Outcome:
        session = self._require_session()
        if self.settings.evals == "serial":
            async with self._eval_turn:
                return await self._run(session, code)
        return await self._run(session, code)

    async def _run(self, session: JuliaSession, code: str) -> Outcome:
        if not self.settings.evals_during_jobs:
            await self.jobs.idle.wait()
        return await session.evaluate(
            code, quoted=self.settings.strings == "quoted", printed=self.settings.stdout_in_result
        )

    def start_job(self, job: Job, code: str) -> bool:
        """False if there is a job with this id already. Raises ServerNotRunningError."""
        session = self._require_session()
        self.jobs.forget_finished(self.settings.jobs_kept_s)
        if not self.jobs.add(job):
            return False
        self._keep(self._run_job(session, job, code))
        return True

    async def _run_job(self, session: JuliaSession, job: Job, code: str) -> None:
        own: JuliaSession | None = None
        try:
            if self.settings.jobs == "own-process":
                own = await JuliaSession.start(self._julia, self.folder, self._log_path)
                if self._session is not session:
                    return
                self._job_sessions.add(own)
            outcome = await (own or session).evaluate(
                code, quoted=self.settings.strings == "quoted", printed=self.settings.stdout_in_result
            )
        except (SessionEndedError, SessionStartError) as error:
            if self._session is not session:
                return  # the server stopped, and its jobs went with it
            outcome = Failure("ProcessExitedException", "ProcessExitedException(1)", str(error))
        finally:
            if own is not None:
                await own.close()
                self._job_sessions.discard(own)
        self.jobs.finish(job, job_result(outcome, self.settings))

    async def close(self) -> None:
        """End everything at once; no process is left when this returns."""
        if self._change is not None and not self._change.done():
            self._change.cancel()
            await asyncio.wait({self._change})
        await self._end_sessions()
        self.status = "stopped"
        if self._running_code:
            for task in self._running_code:
                task.cancel()
            await asyncio.wait(self._running_code)

    def _require_session(self) -> JuliaSession:
        if self.status != "running" or self._session is None:
            raise ServerNotRunningError(f"The server is {self.status}.")
        return self._session

    def _keep(self, code: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """A task that goes on when the call that made it has gone."""
        task = asyncio.create_task(code)
        self._running_code.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._running_code.discard(task)
        if not task.cancelled():
            task.exception()  # it went to the call, if that is still there


def result_text(value: Value, settings: Settings) -> str | None:
    if value.kind == "nothing" and settings.nothing != "nothing":
        return "" if settings.nothing == "empty" else None
    return value.text if settings.result_limit_chars is None else value.text[: settings.result_limit_chars]


def job_result(outcome: Outcome, settings: Settings) -> dict[str, object]:
    if isinstance(outcome, Value):
        return {"type": "success", "data": {"text": result_text(outcome, settings)}}
    return {"type": "error", "data": failure_json(outcome)}


def failure_json(failure: Failure) -> dict[str, object]:
    return {
        "type": failure.type,
        "short_description": failure.short_description,
        "full_description": failure.full_description,
    }
