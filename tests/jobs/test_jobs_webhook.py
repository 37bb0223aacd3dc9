"""The webhook of a job, against a receiver on a real socket."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from engee_kernel import webhook
from engee_kernel.errors import UsageError

JOB = {"job_id": "a", "name": "Счёт", "status": "DONE", "result": {"type": "success", "data": {"text": "42"}}}


@dataclass
class Receiver:
    """`statuses`: what the first calls are answered with; 200 from then on."""

    statuses: list[int] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook/s3cret?key=s3cret"

    def wait_for(self, calls: int, limit_s: float = 60.0) -> None:
        deadline = time.monotonic() + limit_s
        while len(self.bodies) < calls:
            assert time.monotonic() < deadline, f"{len(self.bodies)} calls of {calls}"
            time.sleep(0.05)


@contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    receiver = Receiver(list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.statuses.pop(0) if receiver.statuses else 200
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"http://127.0.0.1:{receiver.port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
            receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
            receiver.paths.append(self.path)
            receiver.bodies.append(json.loads(body))

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(500, 503) as one:
        yield one


async def test_it_is_tried_again_until_it_is_taken(receiver: Receiver) -> None:
    await webhook.deliver(receiver.url, JOB)
    assert receiver.bodies == [JOB, JOB, JOB]
    assert all("authorization" not in headers for headers in receiver.headers)
    assert receiver.headers[0]["content-type"] == "application/json"


@pytest.mark.parametrize("status", [302, 400, 401, 404, 410])
async def test_a_refusal_is_final_and_a_redirect_is_not_followed(status: int) -> None:
    with receiving(status) as receiver, pytest.raises(webhook.WebhookError) as caught:
        await webhook.deliver(receiver.url, JOB)
    assert len(receiver.bodies) == 1
    assert str(status) in str(caught.value)
    assert "s3cret" not in str(caught.value)


async def test_trying_has_a_bound() -> None:
    with receiving(*[500] * 1000) as receiver, pytest.raises(webhook.WebhookError, match="500"):
        await webhook.deliver(receiver.url, JOB, bound_s=1.0)
    assert 1 < len(receiver.bodies) < 20


async def test_nobody_there() -> None:
    with receiving() as receiver:
        pass
    with pytest.raises(webhook.WebhookError, match="ConnectError") as caught:
        await webhook.deliver(receiver.url, JOB, bound_s=0.5)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "ftp://a/s3cret", "example.org/hook", "http://:80/s3cret", "http://[s3cret", "file:///etc/passwd"]
)
def test_what_is_no_address_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        webhook.check_address(url)
    assert "s3cret" not in str(caught.value)
