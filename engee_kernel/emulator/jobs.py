"""Records of background jobs, in the shape of the contract."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from .moments import Form, now, utc_text_seconds


@dataclass
class Job:
    job_id: str
    name: str | None
    started_at: datetime = field(default_factory=now)
    ended_at: datetime | None = None
    result: dict[str, object] | None = None

    def finish(self, result: dict[str, object]) -> None:
        self.result = result
        self.ended_at = now()

    def to_json(self, times: Form) -> dict[str, object]:
        return {
            "job_id": self.job_id,
            "name": self.name,
            "job_type": "EVAL",
            "status": "IN_PROGRESS" if self.ended_at is None else "DONE",
            "start_time": utc_text_seconds(self.started_at, times),
            "end_time": utc_text_seconds(self.ended_at, times),
            "result": self.result,
        }


class JobStore:
    """Jobs by id, in the order of their creation. `idle` is set while none is in progress."""

    def __init__(self) -> None:
        self.idle = asyncio.Event()
        self.idle.set()
        self._jobs: dict[str, Job] = {}

    def add(self, job: Job) -> bool:
        """False if there is a job with this id already."""
        if job.job_id in self._jobs:
            return False
        self._jobs[job.job_id] = job
        self.idle.clear()
        return True

    def finish(self, job: Job, result: dict[str, object]) -> None:
        job.finish(result)
        if all(other.ended_at is not None for other in self._jobs.values()):
            self.idle.set()

    def forget_finished(self, kept_s: float | None) -> None:
        if kept_s is None:
            return
        moment = now()
        self._jobs = {
            job_id: job
            for job_id, job in self._jobs.items()
            if job.ended_at is None or (moment - job.ended_at).total_seconds() < kept_s
        }

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def all(self) -> list[Job]:
        return list(self._jobs.values())

    def clear(self) -> None:
        self._jobs.clear()
        self.idle.set()
