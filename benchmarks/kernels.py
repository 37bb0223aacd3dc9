"""A kernel under measure, through jupyter_client as a front end uses it."""

from __future__ import annotations

import os
import queue
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psutil
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

START_LIMIT_S = 60.0
CELL_LIMIT_S = 300.0

ENGEE = ["-m", "engee_kernel"]
ECHO = ["-m", "benchmarks.echo_kernel"]
IPYKERNEL = ["-m", "ipykernel_launcher"]


class Measured:
    """A running kernel; times in seconds, memory in bytes."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient, started: float) -> None:
        self.manager = manager
        self.client = client
        self.start_s = time.perf_counter() - started
        self._started = started
        self.process = psutil.Process(manager.provisioner.process.pid)  # type: ignore[union-attr]

    def since_start_s(self) -> float:
        return time.perf_counter() - self._started

    def reply_s(self, code: str) -> float:
        """From sending a cell to its reply."""
        began = time.perf_counter()
        sent = self.client.execute(code)
        self._reply(sent)
        took_s = time.perf_counter() - began
        self._drain()
        return took_s

    def run(self, code: str) -> tuple[float, list[tuple[float, dict[str, Any]]]]:
        """The cell's time to idle, and its output messages with the wall-clock time of their arrival."""
        began = time.perf_counter()
        sent = self.client.execute(code)
        messages: list[tuple[float, dict[str, Any]]] = []
        while True:
            message = self.client.get_iopub_msg(timeout=CELL_LIMIT_S)
            if message["parent_header"].get("msg_id") != sent:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
            messages.append((time.time(), message))
        self._reply(sent)
        return time.perf_counter() - began, messages

    def error_s(self, code: str) -> tuple[float, str]:
        """From sending a cell that fails to its reply, and the error's name."""
        began = time.perf_counter()
        sent = self.client.execute(code)
        name = self._failure(sent)
        return time.perf_counter() - began, name

    def interrupt_s(self, code: str, *, after_s: float) -> tuple[float, str]:
        """From interrupting a cell, so long after it was sent, to its reply, and the error's name."""
        sent = self.client.execute(code)
        time.sleep(after_s)
        began = time.perf_counter()
        self.client.control_channel.send(self.client.session.msg("interrupt_request", {}))
        name = self._failure(sent)
        return time.perf_counter() - began, name

    def complete_s(self, code: str) -> float:
        began = time.perf_counter()
        reply = self.client.complete(code, reply=True, timeout=CELL_LIMIT_S)
        assert reply["content"]["matches"], "nothing was completed"
        return time.perf_counter() - began

    def inspect_s(self, code: str) -> float:
        began = time.perf_counter()
        reply = self.client.inspect(code, reply=True, timeout=CELL_LIMIT_S)
        assert reply["content"]["found"], "nothing was found"
        return time.perf_counter() - began

    def cpu_s(self) -> float:
        """The processor time that the kernel's process has used."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def memory_bytes(self) -> int:
        return int(self.process.memory_info().rss)

    def share_bytes(self) -> int:
        """Its own memory and its part of what it shares with others (PSS); without Linux, all that is resident."""
        full = self.process.memory_full_info()
        return int(getattr(full, "pss", full.rss))

    def send(self, code: str) -> str:
        """Send a cell and come back at once; `result` waits for it."""
        return str(self.client.execute(code))

    def result(self, sent: str) -> str:
        """The text of the value of a cell that was sent."""
        text = ""
        while True:
            message = self.client.get_iopub_msg(timeout=CELL_LIMIT_S)
            if message["parent_header"].get("msg_id") != sent:
                continue
            if message["msg_type"] == "execute_result":
                text = message["content"]["data"]["text/plain"]
            elif message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
        self._reply(sent)
        return text

    def _drain(self) -> None:
        """Take the output that nobody reads: beyond a thousand messages ZeroMQ drops new ones, idle among them."""
        while True:
            try:
                self.client.get_iopub_msg(timeout=0)
            except queue.Empty:
                return

    def _failure(self, sent: str) -> str:
        content = self._answer(sent)
        assert content["status"] == "error", content
        self._drain()
        return str(content["ename"])

    def _reply(self, sent: str) -> None:
        content = self._answer(sent)
        assert content["status"] == "ok", content

    def _answer(self, sent: str) -> dict[str, Any]:
        while True:
            reply = self.client.get_shell_msg(timeout=CELL_LIMIT_S)
            if reply["parent_header"].get("msg_id") == sent:
                content: dict[str, Any] = reply["content"]
                return content


@contextmanager
def kernel(arguments: list[str], environment: dict[str, str] | None = None) -> Iterator[Measured]:
    """Start a kernel, time it to its first kernel_info reply, and end it."""
    with _launched(arguments, environment) as (manager, client, started):
        client.kernel_info(reply=True, timeout=START_LIMIT_S)
        yield Measured(manager, client, started)


@contextmanager
def kernels(count: int, arguments: list[str], environment: dict[str, str] | None = None) -> Iterator[list[Measured]]:
    """Start so many at once, wait until each has answered, and end them."""
    with ExitStack() as stack:
        launched = [stack.enter_context(_launched(arguments, environment)) for _ in range(count)]
        for _, client, _ in launched:
            client.kernel_info(reply=True, timeout=START_LIMIT_S)
        yield [Measured(*one) for one in launched]


@contextmanager
def _launched(
    arguments: list[str], environment: dict[str, str] | None
) -> Iterator[tuple[KernelManager, BlockingKernelClient, float]]:
    manager = KernelManager()
    manager._kernel_spec = KernelSpec(
        argv=[sys.executable, *arguments, "-f", "{connection_file}"],
        display_name="measured",
        language="",
        interrupt_mode="message",
    )
    started = time.perf_counter()
    manager.start_kernel(env={**os.environ, **(environment or {})})
    client = manager.client()
    client.start_channels()
    try:
        yield manager, client, started
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
