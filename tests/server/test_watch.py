"""Before the server stops itself: a running cell keeps it, and a person is warned."""

from __future__ import annotations

import re

import pytest
from frontend import Frontend
from kernels import StartKernel, calls

from engee_kernel.emulator.process import LocalEngee

LIMIT_S = 8
# For twice the limit the kernel is told to ask no more of its cell: nothing else counts as use then.
QUIET = {
    "kind": "status",
    "path": "command/eval",
    "contains": ":events,",
    "status": 429,
    "retry_after_s": 2 * LIMIT_S,
    "count": 1,
}
CELL = f"for i in 1:{3 * LIMIT_S}; sleep(1); end; 6 * 7"


@pytest.fixture
def quiet(local_engee: LocalEngee, start_kernel: StartKernel) -> Frontend:
    return start_kernel(local_engee, handoff_after_s=600, poll_wait_s=1)


def begin_limit(engee: LocalEngee, kernel: Frontend) -> None:
    """A server with the short limit: it takes it up when it is started."""
    engee.configure(inactivity_timeout_s=LIMIT_S)
    assert kernel.run("%engee restart").status == "ok"
    assert kernel.value("1") == "1"
    engee.faults(QUIET)


@pytest.mark.slow
def test_a_running_cell_keeps_the_server(local_engee: LocalEngee, quiet: Frontend) -> None:
    begin_limit(local_engee, quiet)
    cell = quiet.run(CELL, timeout_s=90)
    assert local_engee.control("GET", "faults")["faults"][0]["hits"] == 1
    assert cell.result == "42", cell.traceback
    assert cell.text("stderr") == ""


@pytest.mark.slow
def test_without_keep_alive_a_warning_comes_before_the_end(local_engee: LocalEngee, quiet: Frontend) -> None:
    quiet.run("%config keep_alive = False")
    begin_limit(local_engee, quiet)
    cell = quiet.run(CELL, timeout_s=90)
    assert cell.error["ename"] == "SessionLostError"
    assert "stops itself for inactivity" in cell.text("stderr") and "keep_alive is off" in cell.text("stderr")


def test_nothing_is_asked_while_no_cell_runs(local_engee: LocalEngee, start_kernel: StartKernel) -> None:
    kernel = start_kernel(local_engee)
    local_engee.configure(inactivity_timeout_s=3)
    kernel.run("%engee restart")
    assert kernel.value("1") == "1"
    before = len(local_engee.requests())
    kernel.pause(6.0)
    assert len(local_engee.requests()) == before
    assert local_engee.julia_pid() is None, "an idle notebook keeps nothing alive"


def test_the_end_of_the_sessions_time_is_told_once_for_each_threshold(
    local_engee: LocalEngee, start_kernel: StartKernel
) -> None:
    kernel = start_kernel(local_engee, mode="plain")
    local_engee.configure(session_limit_s=600)
    kernel.run("sleep(2.5)")
    said = kernel.run("1").text("stderr")
    told = [cell.text("stderr") for cell in (kernel.run("sleep(2)"), kernel.run("2"))]
    everything = "".join(text for cell in kernel._cells.values() for text in [cell.text("stderr")])
    assert len(re.findall(r"stops itself in (9|10) min", everything)) == 1, everything
    assert "session's time is over" in everything
    assert told == ["", ""] or said == ""
    # a shorter limit is another end: told anew
    local_engee.configure(session_limit_s=280)
    kernel.run("%engee")
    kernel.run("sleep(2)")
    kernel.run("3")
    everything = "".join(cell.text("stderr") for cell in kernel._cells.values())
    assert len(re.findall("stops itself in", everything)) == 2, everything


def test_short_cells_are_warned_too(local_engee: LocalEngee, start_kernel: StartKernel) -> None:
    local_engee.configure(session_limit_s=100_000)
    kernel = start_kernel(local_engee)
    assert kernel.value("1") == "1"
    local_engee.configure(session_limit_s=200)
    kernel.run("%engee")  # whoever asks for the status tells the watch
    said = ""
    for _ in range(20):
        said += kernel.run("1").text("stderr")
        if said:
            break
        kernel.pause(0.2)
    assert "stops itself in" in said


def test_a_long_cell_asks_rarely(local_engee: LocalEngee, start_kernel: StartKernel) -> None:
    local_engee.configure(inactivity_timeout_s=0)
    kernel = start_kernel(local_engee)
    kernel.value("1")
    before = calls(local_engee, "engee/info")
    assert kernel.run("sleep(6)").status == "ok"
    assert calls(local_engee, "engee/info") - before <= 2
