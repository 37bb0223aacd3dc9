"""What the tests of jobs share: a receiver of webhooks, and what a front end shows."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psutil
from frontend import Cell, Frontend

from engee_kernel.emulator.process import LocalEngee

KernelFactory = Callable[..., Frontend]
Command = Callable[..., "subprocess.CompletedProcess[str]"]
COMMAND_LIMIT_S = 90
COMMAND_LINE = "import sys; from engee_kernel.cli import main; sys.exit(main())"


def shown(cell: Cell) -> str:
    """The text of the cell's displays."""
    assert cell.status == "ok", cell.traceback
    return "\n".join(content["data"]["text/plain"] for content in cell.of("display_data"))


def short_id(cell: Cell) -> str:
    """Of the job that a detached cell started."""
    found = re.search(r"Job ([0-9a-f]{8})", shown(cell))
    assert found, cell
    return found[1]


def told(kernel: Frontend, words: str, limit_s: float = 30.0) -> str:
    """Remarks in cells that follow, until one has these words: what runs beside the cells takes its time."""
    remarks = ""
    deadline = time.monotonic() + limit_s
    while words not in remarks and time.monotonic() < deadline:
        remarks += kernel.run("sleep(0.1)").text("stderr")
    return remarks


class Gate:
    """Julia code in Engee waits at it until the test opens it: no test depends on how fast anything is."""

    def __init__(self, engee: LocalEngee) -> None:
        self._file = engee.user_dir / f"gate-{uuid.uuid4()}"
        place = f"/user/{self._file.name}" if engee.user_is_mounted else self._file.as_posix()
        self.wait = f"while !isfile({json.dumps(place)}); sleep(0.05); end"

    def open(self) -> None:
        self._file.write_text("", encoding="utf-8")


def kill(kernel: Frontend) -> None:
    """End the kernel's process as a power cut would: SIGKILL, TerminateProcess on Windows."""
    psutil.Process(kernel.pid).kill()
    kernel.end(now=True)


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
            # noted before the answer: who gets it may look at once
            receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
            receiver.paths.append(self.path)
            receiver.bodies.append(json.loads(body))
            status = receiver.statuses.pop(0) if receiver.statuses else 200
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"http://127.0.0.1:{receiver.port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

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
