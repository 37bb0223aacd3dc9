"""A Julia that has just started: what is sent to it, that it is left alone, that its first cells can be interrupted."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest
from frontend import Frontend, KernelFactory

from engee_kernel import agent
from engee_kernel.emulator.process import LocalEngee

INFO = "/account/api/engee/info"
EVAL = "/external/command/eval"
SOON_S = 5.0  # a second is meant; the machine may be busy
IDLE_S = 3.0
IDLE_CPU_S = 0.4  # a warm-up that compiles takes several seconds


def cold(engee: LocalEngee, kernel_factory: KernelFactory) -> Frontend:
    engee.reset(new_session=True)
    return kernel_factory(engee, mode="agent")


def test_requests_from_start_to_first_result(local_engee: LocalEngee, kernel_factory: KernelFactory) -> None:
    """The server's state: when the kernel starts, before the cell, once beside it. The agent. The cell, and what beside
    it finds out whether Engee answers two calls at a time."""
    kernel = cold(local_engee, kernel_factory)
    asked_at = time.monotonic()
    assert kernel.run("1+1", timeout_s=120).result == "2"
    polls = int(time.monotonic() - asked_at)  # a reply may be held for a second at least
    calls = local_engee.requests()

    states = [call for call in calls if call["path"] == INFO]
    evals = [call for call in calls if call["path"].endswith(EVAL)]
    assert len(states) + len(evals) == len(calls), calls
    assert 1 <= len(states) <= 3

    installs = [call for call in evals if call["received_bytes"] > 2000]
    assert len(installs) == 1 and evals[0] is installs[0], "all of the core at once, before anything else"
    # as JSON each quote and backslash of the literal takes one byte more
    size = len(agent.install_command().encode())
    assert size <= installs[0]["received_bytes"] <= 1.1 * size
    assert 2 <= len(evals) <= 3 + polls, evals
    assert sum(call["received_bytes"] for call in evals[1:]) < 1000 * len(evals[1:]), "the cell brings no piece along"


def test_a_first_cells_program_is_seen_while_it_runs(local_engee: LocalEngee, kernel_factory: KernelFactory) -> None:
    """What programs write reaches the cell by a file that something must look at."""
    # requests are held for less than a second each, and no job looks as well
    local_engee.reset(new_session=True)
    local_engee.configure(evals="serial")
    kernel = kernel_factory(local_engee, mode="agent", handoff_after_s=60)
    cell = kernel.run("run(`sh -c 'echo first; sleep 6; echo last'`); nothing", timeout_s=120)
    written = [
        (at, message["content"]["text"])
        for at, message in zip(cell.times, cell.messages, strict=True)
        if message["msg_type"] == "stream"
    ]
    assert "".join(text for _, text in written) == "first\nlast\n"
    assert written[0][1] == "first\n" and written[-1][0] - written[0][0] > 2.0


def test_nothing_is_compiled_while_nothing_runs(local_engee: LocalEngee, kernel_factory: KernelFactory) -> None:
    kernel = cold(local_engee, kernel_factory)
    assert kernel.run("1+1", timeout_s=120).result == "2"
    julia = psutil.Process(int(kernel.value("getpid()")))
    kernel.pause(0.5)
    before = julia.cpu_times()
    kernel.pause(IDLE_S)
    after = julia.cpu_times()
    assert after.user + after.system - before.user - before.system < IDLE_CPU_S


@pytest.mark.parametrize("age_s", [0.5, *(pytest.param(age, marks=pytest.mark.slow) for age in (1.0, 2.0, 4.0))])
def test_an_interrupt_soon_after_the_first_cell(
    local_engee: LocalEngee, kernel_factory: KernelFactory, age_s: float
) -> None:
    kernel = cold(local_engee, kernel_factory)
    assert kernel.run("1+1", timeout_s=120).result == "2"
    kernel.pause(age_s)
    cell = kernel.send("turns = 0\nwhile true; global turns += 1; sleep(0.1); end")
    kernel.pause(0.5)
    asked_at = time.monotonic()
    kernel.interrupt()
    kernel.finish(cell, SOON_S + 20)
    assert cell.replied_at - asked_at < SOON_S
    assert cell.error["ename"] == "InterruptException" and "never yields" not in cell.traceback
    turns = kernel.value("turns")
    kernel.pause(0.5)
    assert int(kernel.value("turns")) == int(turns), "it has stopped"


def test_the_kernel_takes_no_memory_for_what_cells_do_not_need(local_engee: LocalEngee, tmp_path: Path) -> None:
    """Thirty kernels may share a machine: what a few megabytes are for is imported with its first use."""
    environment = {"ENGEE_URL": local_engee.url, "ENGEE_TOKEN": local_engee.token, "PYTHONPROFILEIMPORTTIME": "1"}
    with Frontend(tmp_path / "kernel", environment) as kernel:
        assert kernel.run("1 + 1", timeout_s=120).result == "2"
        imported = {line.split("|")[-1].strip().split(".")[0] for line in kernel.log.splitlines() if "|" in line}
    assert {"engee_kernel", "httpx", "zmq"} <= imported
    unneeded = {"authlib", "click", "debugpy", "keyring", "markdown_it", "nbformat", "numpy", "rich", "tqdm"}
    assert imported & unneeded == set()
