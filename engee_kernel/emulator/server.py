"""The user's Engee server: its life cycle.

stopped ──start──► starting ──(start_time_s and Julia are both done)──► running
   ▲                  │ stop                                               │ stop, inactivity, session limit
   └──(stop_time_s)── stopping ◄───────────────────────────────────────────┘
starting, running ──(Julia died)──► stopped

While it runs, its Julia can be replaced: by "Restart the kernel" in the browser tab, or because it died. The status
stays "running" meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta
from typing import Literal

from .jobs import Job
from .launch import JuliaPlace
from .moments import now
from .outcomes import Outcome
from .screen import Screen
from .session import JuliaSession, SessionStartError
from .settings import SettingError, Settings
from .userfolder import UserFolder
from .workload import Workload

Status = Literal["stopped", "starting", "running", "stopping"]


class ServerNotRunningError(Exception):
    """There is no session to run code in."""


class EngeeServer:
    def __init__(self, place: JuliaPlace, settings: Settings) -> None:
        self.settings = settings
        self.work = Workload(place, lambda: self.settings)
        self.screen = Screen()
        self.status: Status = "stopped"
        self.starting_at: datetime | None = None
        self.started_at: datetime | None = None
        self.stopping_at: datetime | None = None
        self.stopped_at: datetime | None = None
        self.inactivity_timeout_s: int = settings.inactivity_timeout_s
        self.failure: str | None = None
        self._place = place
        self._session: JuliaSession | None = None
        self._change: asyncio.Task[None] | None = None
        self._watches: list[asyncio.Task[None]] = []

    @property
    def folder(self) -> UserFolder:
        return self._place.folder

    @property
    def session(self) -> JuliaSession | None:
        return self._session

    def change_settings(self, settings: Settings) -> None:
        """From now on these. Raises SettingError where the Julia that runs can't do it."""
        if self._session is not None:
            if objection := self._session.threads.objection(settings):
                raise SettingError(objection)
            if settings.background_s != self.settings.background_s:
                self.work.keep(self._session.set_background(settings.background_s))
        self.settings = settings

    def needs_new_julia(self, settings: Settings) -> bool:
        """Whether the Julia that runs was started otherwise than these would have it."""
        return self._session is not None and self._session.started_with != settings.at_start()

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
            self.started_at = self.stopping_at = self.stopped_at = self.work.last_activity_at = None
            self.failure = None
            self._change = asyncio.create_task(self._start())

    def stop(self) -> None:
        """Begin to stop; nothing happens to a server that has stopped or is about to."""
        if self.status in ("starting", "running"):
            self.status = "stopping"
            self.stopping_at = now()
            before = self._change
            self._change = asyncio.create_task(self._stop(before))

    def replace_julia(self) -> None:
        """Begin to end this Julia and to start another, while the server runs on. Raises ServerNotRunningError."""
        if self.status != "running" or self.is_replacing_julia:
            raise ServerNotRunningError(self._why_no_session())
        self._change = asyncio.create_task(self._replace())

    async def settled(self) -> Status:
        """Wait until the server neither starts nor stops nor replaces its Julia."""
        while self.status in ("starting", "stopping") or self.is_replacing_julia:
            if self._change is not None:
                await asyncio.wait({self._change})
        return self.status

    def kill_julia(self) -> None:
        """Let the Julia process die, as a crash would. Raises ServerNotRunningError."""
        self.require_session().kill()

    @property
    def is_replacing_julia(self) -> bool:
        return self.status == "running" and self._change is not None and not self._change.done()

    @property
    def session_limit_at(self) -> datetime | None:
        limit_s = self.settings.session_limit_s
        if limit_s is None or self.started_at is None or self.status != "running":
            return None
        return self.started_at + timedelta(seconds=limit_s)

    async def _start(self) -> None:
        if await self._new_session(self.settings.start_time_s):
            self.status = "running"
            self.started_at = self.work.last_activity_at = now()
            self._watches.append(asyncio.create_task(self._stop_when_idle()))

    async def _replace(self) -> None:
        session, self._session = self._session, None
        await self.work.end_jobs()
        if session is not None:
            await session.close()
        await self._new_session(self.settings.restart_time_s)

    async def _new_session(self, time_s: float) -> bool:
        """A Julia after this time at least. Where there is none to be had, the server stops, and says why."""
        self.screen.clear()
        settings = self.settings
        starts = asyncio.create_task(JuliaSession.start(self._place, settings, self.screen))
        try:
            _, session = await asyncio.gather(asyncio.sleep(time_s), asyncio.shield(starts))
        except asyncio.CancelledError:
            # A half-started Julia is not to be left alone: see it up, then down.
            with contextlib.suppress(SessionStartError):
                await (await starts).close()
            raise
        except SessionStartError as error:
            await self._fail(str(error))
            return False
        # Switches may have changed while it started.
        if objection := session.threads.objection(self.settings):
            await session.close()
            await self._fail(objection)
            return False
        if self.settings.background_s != settings.background_s:
            self.work.keep(session.set_background(self.settings.background_s))
        self._session = session
        self._watches.append(asyncio.create_task(self._watch(session)))
        return True

    async def _fail(self, reason: str) -> None:
        self.failure = reason
        self.stopped_at = now()
        self.status = "stopped"
        await self._end_sessions()

    async def _stop(self, before: asyncio.Task[None] | None) -> None:
        if before is not None and not before.done():
            before.cancel()
            await asyncio.wait({before})
        await asyncio.gather(asyncio.sleep(self.settings.stop_time_s), self._end_sessions())
        self.status = "stopped"
        self.stopped_at = now()

    async def _end_sessions(self) -> None:
        watches, self._watches = self._watches, []
        for watch in watches:
            if watch is not asyncio.current_task():
                watch.cancel()
        session, self._session = self._session, None
        ends = [self.work.end_jobs(), *([session.close()] if session else [])]
        await asyncio.gather(*ends)

    async def _watch(self, session: JuliaSession) -> None:
        """What becomes of the server when its Julia dies."""
        await session.ended.wait()
        if self._session is not session:
            return
        if self.settings.dead_julia == "replaced":
            self.replace_julia()
            return
        self.stopping_at = self.stopped_at = now()
        self.status = "stopped"
        await self._end_sessions()

    async def _stop_when_idle(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            moment = now()
            limit_at = self.session_limit_at
            if limit_at is not None and moment >= limit_at:
                self.stop()
                return
            if self.work.is_at_work:
                self.work.last_activity_at = moment
            idle_s = (moment - (self.work.last_activity_at or moment)).total_seconds()
            if self.inactivity_timeout_s and idle_s >= self.inactivity_timeout_s:
                self.stop()
                return

    async def close(self) -> None:
        """End everything at once; no process is left when this returns."""
        if self._change is not None and not self._change.done():
            self._change.cancel()
            await asyncio.wait({self._change})
        await self._end_sessions()
        self.status = "stopped"
        await self.work.close()

    # -- code

    async def evaluate(self, code: str) -> Outcome:
        """Run code for an eval, to its end even if nobody waits. Raises ServerNotRunningError, SessionEndedError."""
        return await self.work.evaluate(self.require_session(), code)

    def start_job(self, job: Job, code: str) -> bool:
        """False if there is a job with this id already. Raises ServerNotRunningError."""
        return self.work.start_job(self.require_session(), job, code)

    def require_session(self) -> JuliaSession:
        """Raises ServerNotRunningError."""
        if self.status != "running" or self._session is None:
            raise ServerNotRunningError(self._why_no_session())
        return self._session

    def _why_no_session(self) -> str:
        return "Julia is being replaced." if self.status == "running" else f"The server is {self.status}."
