"""The kernel's end: quick, whatever runs, and nothing of it is left behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable

import psutil
import pytest
from frontend import Frontend, KernelFactory

from engee_kernel.emulator.process import LocalEngee

MODES = pytest.mark.parametrize("mode", ["plain", "agent"])


@MODES
def test_shutdown_while_idle(kernel_factory: KernelFactory, local_engee: LocalEngee, mode: str) -> None:
    kernel = kernel_factory(local_engee, mode=mode)
    assert kernel.run("1+1").result == "2"
    processes = kernel.processes
    began = time.monotonic()
    kernel.end()
    assert time.monotonic() - began < 5
    assert not any(process.is_running() for process in processes)


@MODES
@pytest.mark.parametrize("code", ["sleep(9)", "%%job\nsleep(9)"], ids=["cell", "job"])
def test_shutdown_while_a_cell_runs(
    kernel_factory: KernelFactory, local_engee: LocalEngee, mode: str, code: str
) -> None:
    kernel = kernel_factory(local_engee, mode=mode)
    kernel.run("1", timeout_s=60)
    cell = kernel.send(code)
    kernel.pause(1)
    assert cell.reply is None
    began = time.monotonic()
    kernel.end()
    assert time.monotonic() - began < 8


@MODES
def test_restart_while_a_cell_runs(kernel_factory: KernelFactory, local_engee: LocalEngee, mode: str) -> None:
    kernel = kernel_factory(local_engee, mode=mode)
    kernel.run("1", timeout_s=60)
    kernel.send(f"went_{mode} = 0; sleep(5); went_{mode} = 1")
    kernel.pause(0.7)
    before = kernel.processes
    kernel.manager.restart_kernel()
    assert kernel.client is not None
    kernel.client.wait_for_ready(timeout=60)
    _, left = psutil.wait_procs(before, timeout=10)
    assert not left
    assert kernel.run("1+1", timeout_s=60).result == "2"
    assert kernel.run("1+1").content["execution_count"] == 2
    if mode == "agent":
        kernel.pause(5)
        assert kernel.value(f"went_{mode}") == "0", "a restart stops the cell"


@MODES
def test_a_killed_kernel_leaves_no_process_and_the_next_one_works(
    kernel_factory: KernelFactory, local_engee: LocalEngee, mode: str
) -> None:
    kernel = kernel_factory(local_engee, mode=mode)
    kernel.run("outlives = 7", timeout_s=60)
    kernel.send("sleep(2)")
    kernel.pause(0.5)
    processes = kernel.processes
    processes[0].kill()
    _, left = psutil.wait_procs(processes, timeout=10)
    assert not left
    second = kernel_factory(local_engee, mode=mode)
    assert second.run("outlives", timeout_s=60).result == "7"


def terminated(kernel: Frontend) -> None:
    """End the process as VS Code does, on Restart too: a signal and no message."""
    processes = kernel.processes
    os.kill(kernel.pid, signal.SIGTERM)
    _, left = psutil.wait_procs(processes, timeout=15)
    assert not left
    kernel.end(now=True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells no process of its end")
def test_terminated_without_a_message_it_leaves_the_cell_to_a_job(
    kernel_factory: KernelFactory, local_engee: LocalEngee
) -> None:
    kernel = kernel_factory(local_engee, handoff_after_s=1000)
    kernel.run("1", timeout_s=60)
    cell = kernel.send('println("begun"); sleep(8); 6 * 7')
    kernel.until(lambda: "begun" in cell.text())
    terminated(kernel)
    created = [call["status"] for call in local_engee.requests() if call["path"].endswith("jobs/create")]
    assert created == [202]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells no process of its end")
def test_terminated_without_a_message_it_stops_the_server_that_it_started(
    kernel_factory: KernelFactory, local_engee_factory: Callable[..., LocalEngee]
) -> None:
    engee = local_engee_factory(stopped=True)
    for stops in (False, True):
        kernel = kernel_factory(engee, stop_on_shutdown=stops)
        assert kernel.run("1", timeout_s=120).result == "1"
        terminated(kernel)
        assert (engee.julia_pid() is None) == stops
        if not stops:
            ending = kernel_factory(engee)
            ending.run("%engee stop", timeout_s=60)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT for one process")
@MODES
def test_ctrl_c_in_the_terminal_does_not_end_the_kernel(
    kernel_factory: KernelFactory, local_engee: LocalEngee, mode: str
) -> None:
    kernel = kernel_factory(local_engee, mode=mode)
    cell = kernel.send("sleep(1); 5")
    kernel.pause(0.4)
    os.kill(kernel.pid, signal.SIGINT)
    assert kernel.finish(cell).result == "5"


def test_a_kernel_that_is_ended_before_its_first_cell(kernel_factory: KernelFactory, local_engee: LocalEngee) -> None:
    kernel = kernel_factory(local_engee)
    began = time.monotonic()
    kernel.end()
    assert time.monotonic() - began < 6


def test_a_kernel_that_is_ended_while_engee_does_not_answer(
    kernel_factory: KernelFactory, local_engee: LocalEngee
) -> None:
    kernel = kernel_factory(local_engee)
    kernel.run("1", timeout_s=60)
    kernel.send("sleep(3)")
    kernel.pause(0.5)
    local_engee.faults({"kind": "latency", "delay_s": 30.0, "path": "/"})
    began = time.monotonic()
    kernel.end()
    assert time.monotonic() - began < 10
    local_engee.faults()


def test_two_notebooks_side_by_side(kernel_factory: KernelFactory, local_engee: LocalEngee) -> None:
    first, second = kernel_factory(local_engee), kernel_factory(local_engee)
    for kernel in (first, second):
        kernel.run("1", timeout_s=60)
    assert first.run("side = 1; nothing").status == "ok"
    slow = first.send('for i in 1:20 println("first $i"); sleep(0.1) end')
    quick = [second.run(f'println("second {number}"); side + {number}') for number in range(5)]
    assert slow.reply is None, "the second notebook does not wait for the first"
    first.finish(slow)
    assert slow.text() == "".join(f"first {number}\n" for number in range(1, 21))
    assert [cell.text() for cell in quick] == [f"second {number}\n" for number in range(5)]
    assert [cell.result for cell in quick] == [str(1 + number) for number in range(5)]
    running = first.send("sleep(20)")
    first.pause(0.3)
    second.interrupt()
    assert second.run("2+2").result == "4"
    assert running.reply is None, "an interrupt hits its own notebook"
    first.interrupt()
    assert first.finish(running).status == "error"


def test_a_workspace_of_the_notebooks_own(kernel_factory: KernelFactory, local_engee: LocalEngee) -> None:
    main: Frontend = kernel_factory(local_engee)
    main.run("in_main = 1; shared_name = 1", timeout_s=60)
    own = kernel_factory(local_engee, workspace="notebook")
    assert own.run("in_main", timeout_s=60).error["ename"] == "UndefVarError"
    assert own.run("shared_name = 2").result == "2"
    assert own.run("f(x) = x + shared_name\nf(1)").result == "3"
    assert own.run("ans").result == "3"
    assert main.value("shared_name") == "1"
    fresh = kernel_factory(local_engee, workspace="notebook")
    assert fresh.run("shared_name", timeout_s=60).error["ename"] == "UndefVarError"
