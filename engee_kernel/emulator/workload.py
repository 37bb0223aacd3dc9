"""The code that runs in a server: evals and jobs, in the Julia that is there, and when the server was last used."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from datetime import datetime
from typing import Any, TypeVar

from .jobs import Job, JobStore
from .launch import JuliaPlace
from .moments import now
from .outcomes import Failure, Outcome, job_result
from .screen import Screen
from .session import JuliaSession, SessionEndedError, SessionStartError
from .settings import Settings

_T = TypeVar("_T")


class Workload:
    """`settings` gives those of the moment."""

    def __init__(self, place: JuliaPlace, settings: Callable[[], Settings]) -> None:
        self.jobs = JobStore()
        self.last_activity_at: datetime | None = None
        self._place = place
        self._settings = settings
        self._job_sessions: set[JuliaSession] = set()
        self._calls_in_flight = 0
        self._eval_turn = asyncio.Lock()
        self._running: set[asyncio.Task[Any]] = set()

    @property
    def is_at_work(self) -> bool:
        return self._calls_in_flight > 0 or not self.jobs.idle.is_set()

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

    async def evaluate(self, session: JuliaSession, code: str) -> Outcome:
        """Run code for an eval, to its end even if nobody waits. Raises SessionEndedError."""
        return await asyncio.shield(self.keep(self._evaluate(session, code)))

    async def _evaluate(self, session: JuliaSession, code: str) -> Outcome:
        if self._settings().evals == "serial":
            async with self._eval_turn:
                return await self._run(session, code)
        return await self._run(session, code)

    async def _run(self, session: JuliaSession, code: str) -> Outcome:
        settings = self._settings()
        if not settings.evals_during_jobs:
            await self.jobs.idle.wait()
        return await session.evaluate(
            code,
            quoted=settings.strings == "quoted",
            printed=settings.stdout_in_result,
            placement=settings.eval_placement,
        )

    def start_job(self, session: JuliaSession, job: Job, code: str) -> bool:
        """False if there is a job with this id already."""
        self.jobs.forget_finished(self._settings().jobs_kept_s)
        if not self.jobs.add(job):
            return False
        self.keep(self._run_job(session, job, code))
        return True

    async def _run_job(self, session: JuliaSession, job: Job, code: str) -> None:
        settings = self._settings()
        own: JuliaSession | None = None
        try:
            if settings.jobs == "own-process":
                own = await JuliaSession.start(self._place, settings, Screen())  # what it prints is in no tab
                if self.jobs.get(job.job_id) is not job:
                    return
                self._job_sessions.add(own)
            outcome = await (own or session).evaluate(
                code,
                quoted=settings.strings == "quoted",
                printed=settings.stdout_in_result,
                placement=settings.job_placement,
            )
        except (SessionEndedError, SessionStartError) as error:
            outcome = Failure("ProcessExitedException", "ProcessExitedException(1)", str(error))
        finally:
            if own is not None:
                await own.close()
                self._job_sessions.discard(own)
        if self.jobs.get(job.job_id) is job:  # else the server has stopped, and its jobs went with it
            self.jobs.finish(job, job_result(outcome, self._settings()))

    async def end_jobs(self) -> None:
        """Forget all jobs and end the processes that they have to themselves."""
        self.jobs.clear()
        await asyncio.gather(*(one.close() for one in self._job_sessions))

    async def close(self) -> None:
        if self._running:
            for task in self._running:
                task.cancel()
            await asyncio.wait(self._running)

    def keep(self, code: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """A task that goes on when the call that made it has gone."""
        task = asyncio.create_task(code)
        self._running.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # it went to the call, if that is still there
