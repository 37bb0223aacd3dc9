"""A small client of the contract, made of httpx alone: nothing of the package that is under test speaks for it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from engee_kernel.emulator.process import LocalEngee

WAIT_LIMIT_S = 30.0


class Api:
    """The contract's calls, with the token of a local Engee unless another is given."""

    def __init__(self, engee: LocalEngee, token: str | None = None) -> None:
        self.engee = engee
        self.http = httpx.Client(
            headers={"Authorization": f"Bearer {token or engee.token}"}, timeout=WAIT_LIMIT_S, trust_env=False
        )

    def info(self) -> httpx.Response:
        return self.http.get(f"{self.engee.url}/account/api/engee/info")

    def start(self, body: object = None) -> httpx.Response:
        return (
            self.http.post(f"{self.engee.url}/account/api/engee/start", json=body)
            if body
            else self.http.post(f"{self.engee.url}/account/api/engee/start")
        )

    def stop(self) -> httpx.Response:
        return self.http.delete(f"{self.engee.url}/account/api/engee/stop")

    def post(self, path: str, body: object) -> httpx.Response:
        return self.http.post(f"{self.engee.session_url}external/{path}", json=body)

    def get(self, path: str) -> httpx.Response:
        return self.http.get(f"{self.engee.session_url}external/{path}")

    def eval(self, command: str) -> httpx.Response:
        return self.post("command/eval", {"command": command})

    def result(self, command: str) -> Any:
        reply = self.eval(command)
        assert reply.status_code == 200, reply.text
        return reply.json()["result"]

    def create_job(self, code: str, job_id: str | None = None, **more: object) -> tuple[httpx.Response, str]:
        job_id = job_id or str(uuid.uuid4())
        body = {"job_id": job_id, "job_type": "EVAL", "code": code, **more}
        return self.post("command/jobs/create", body), job_id

    def job(self, job_id: str) -> httpx.Response:
        return self.get(f"command/jobs/{job_id}/result")

    def finished_job(self, job_id: str) -> dict[str, Any]:
        self.wait_for(lambda: self.job(job_id).json()["status"] == "DONE")
        return dict(self.job(job_id).json())

    def upload(self, sources: list[str], files: list[tuple[str, bytes]]) -> httpx.Response:
        return self.http.post(
            f"{self.engee.session_url}external/file/upload",
            data={"paths": json.dumps({"sources": sources})},
            files=[("upload_files", file) for file in files],
        )

    def download(self, *sources: str) -> httpx.Response:
        return self.post("file/download", {"sources": list(sources)})

    def status(self) -> str:
        return str(self.info().json()["serverStatus"])

    def wait_for_status(self, status: str) -> None:
        self.wait_for(lambda: self.status() == status)

    @staticmethod
    def wait_for(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_LIMIT_S
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.02)


@pytest.fixture
def api(local_engee: LocalEngee) -> Iterator[Api]:
    client = Api(local_engee)
    with client.http:
        yield client


@pytest.fixture
def other_api() -> Iterator[Callable[..., Api]]:
    """`other_api(engee, token=…)`: a client of another local Engee, or with another token."""
    clients: list[Api] = []

    def make(engee: LocalEngee, token: str | None = None) -> Api:
        clients.append(Api(engee, token))
        return clients[-1]

    yield make
    for client in clients:
        client.http.close()
