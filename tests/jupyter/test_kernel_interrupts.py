"""Interrupts at any moment: the prompt comes back soon, the right cell is hit, the next one runs."""

from __future__ import annotations

import time

import pytest
from frontend import Cell, Frontend, KernelFactory

from engee_kernel.emulator.process import LocalEngee

SOON_S = 5.0  # a second is meant; the machine may be busy


def started(kernel: Frontend, code: str, seconds: float = 0.5) -> Cell:
    """A cell that runs for some time already."""
    cell = kernel.send(code)
    kernel.until(lambda: "busy" in cell.states, 10)
    kernel.pause(seconds)
    assert cell.reply is None
    return cell


def interrupted(kernel: Frontend, cell: Cell, within_s: float = SOON_S) -> float:
    """Interrupt; the seconds until the cell's reply."""
    asked_at = time.monotonic()
    kernel.interrupt()
    kernel.finish(cell, within_s + 20)
    taken_s = cell.replied_at - asked_at
    assert taken_s < within_s, f"{taken_s:.1f} s"
    return taken_s


def test_a_sleeping_cell_stops_at_once(agent: Frontend) -> None:
    cell = started(agent, "before = 1\nsleep(60)\nbefore = 2")
    interrupted(agent, cell)
    assert cell.status == "error" and cell.error["ename"] == "InterruptException"
    assert "In[" in cell.traceback
    assert agent.value("before") == "1"


def test_without_the_agent_the_prompt_comes_back_and_says_what_goes_on(plain: Frontend) -> None:
    cell = started(plain, "sleep(3); went_on = 1")
    interrupted(plain, cell)
    assert cell.status == "error" and "may still be running" in cell.traceback
    assert plain.run("1+1").result == "2"
    plain.pause(3)
    assert plain.value("went_on") == "1"


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.3, 2.5, 5.0])
def test_at_any_age_of_the_cell(agent: Frontend, seconds: float) -> None:
    """Before and after the cell was handed to a job."""
    cell = started(agent, "sleep(60)", seconds)
    interrupted(agent, cell)
    assert cell.error["ename"] in ("InterruptException", "StillRunningError")
    assert agent.run("1+1").result == "2"


@pytest.mark.slow
def test_an_interrupt_right_behind_the_request(kernel: Frontend) -> None:
    for turn in range(30):
        cell = kernel.send(f"sleep(40); {turn}")
        kernel.interrupt_unanswered()
        kernel.finish(cell, 20)
        assert cell.status == "error", f"turn {turn}: {cell}"
    assert kernel.run("1+1").result == "2"


def test_an_interrupt_while_idle_does_not_hit_the_next_cell(kernel: Frontend) -> None:
    for _ in range(5):
        kernel.interrupt()
        cell = kernel.run("sleep(0.4); 5")
        assert (cell.status, cell.result) == ("ok", "5")


def test_an_interrupt_at_the_end_of_a_cell_does_not_hit_the_next(agent: Frontend) -> None:
    """Whichever comes first: the one cell may be hit, the one that is sent after its reply may not."""
    for _ in range(10):
        short = agent.send("sleep(0.03); 1", stop_on_error=False)
        agent.pause(0.02)
        agent.interrupt()
        agent.finish(short, 20)
        following = agent.run("sleep(0.3); 2", stop_on_error=False)
        assert (following.status, following.result) == ("ok", "2")


def test_interrupted_twice(kernel: Frontend) -> None:
    cell = started(kernel, "sleep(30)")
    kernel.interrupt()
    kernel.interrupt()
    kernel.finish(cell, SOON_S + 10)
    assert cell.status == "error"
    assert kernel.run("1+1").result == "2"


def test_queued_cells_are_aborted(agent: Frontend) -> None:
    cell = started(agent, "sleep(60)")
    queued = [agent.send("never = 1") for _ in range(10)]
    interrupted(agent, cell)
    for one in queued:
        agent.finish(one, 10)
    assert [one.status for one in queued] == ["aborted"] * 10


def test_an_interrupt_stops_a_run_of_short_cells(agent: Frontend) -> None:
    """Each is shorter than the moment for which the kernel waits whether a shutdown follows."""
    for _ in range(5):
        cells = [agent.send("sleep(0.03)") for _ in range(40)]
        agent.until(lambda cells=cells: cells[5].reply is not None, 20)  # type: ignore[misc]
        agent.interrupt()
        for one in cells:
            agent.finish(one, 20)
        states = [one.status for one in cells]
        assert states[:6] == ["ok"] * 6
        assert states.count("error") == 1 and states[-1] == "aborted", states


def test_a_job_is_interrupted(agent: Frontend) -> None:
    cell = started(agent, "%%job\njob_went_on = 0\nsleep(30)\njob_went_on = 1", 1.0)
    interrupted(agent, cell)
    assert cell.status == "error" and cell.error["ename"] == "InterruptException"
    assert agent.value("job_went_on") == "0"


def test_a_job_without_the_agent_can_only_be_left(plain: Frontend) -> None:
    cell = started(plain, "%%job\nsleep(3); left = 1", 1.0)
    interrupted(plain, cell)
    assert "may still be running" in cell.traceback
    assert plain.run("1+1").result == "2"


def test_code_that_catches_the_interrupt_goes_on(agent: Frontend) -> None:
    cell = started(agent, "caught = try\n    sleep(60)\ncatch e\n    typeof(e)\nend")
    interrupted(agent, cell)
    assert (cell.status, cell.result) == ("ok", "InterruptException")


def test_a_loop_that_only_prints(agent: Frontend) -> None:
    cell = started(agent, "i = 0\nwhile true\n    global i += 1\n    println(i)\nend", 1.0)
    interrupted(agent, cell, 15)
    assert cell.error["ename"] == "InterruptException"
    numbers = [int(line) for line in cell.text().split()]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "known"),
    [("sleep(0.6)", "Engee does not answer now"), ("1", "before Engee confirmed the cell")],
    ids=["confirmed", "unconfirmed"],
)
def test_code_that_never_yields_is_left_and_named(
    kernel_factory: KernelFactory, local_engee_factory: object, before: str, known: str
) -> None:
    engee: LocalEngee = local_engee_factory()  # type: ignore[operator]
    kernel = kernel_factory(engee, interrupt_grace_s=1)
    kernel.run("println(0); sleep(1.5)", timeout_s=120)  # what a print and a wait take is compiled
    # in a function: a loop of the cell itself has checkpoints
    code = f"spun = 0; spin(t) = while time() < t + 7 end; println(1); {before}; spin(time()); spun = 1"
    cell = started(kernel, code, 1.5)
    interrupted(kernel, cell, 10)
    assert cell.status == "error" and cell.error["ename"] == "StillRunningError"
    assert known in cell.traceback and "%jobs attach" in cell.traceback
    after = kernel.run("spun", timeout_s=60)
    assert after.result == "1", "behind the cell that was left, in order"


@pytest.mark.slow
def test_while_the_server_starts(kernel_factory: KernelFactory, local_engee_factory: object) -> None:
    engee: LocalEngee = local_engee_factory(stopped=True, start_time=4)  # type: ignore[operator]
    kernel = kernel_factory(engee)
    cell = started(kernel, "1+1", 1.5)
    interrupted(kernel, cell)
    assert cell.status == "error" and "not run" in cell.traceback
    late = kernel.run("2+2", timeout_s=120)
    assert late.result == "4"


def test_while_the_network_is_gone(kernel_factory: KernelFactory, local_engee: LocalEngee) -> None:
    kernel = kernel_factory(local_engee, interrupt_grace_s=1.5)
    kernel.run("1", timeout_s=60)
    cell = started(kernel, "sleep(6)", 0.5)
    local_engee.faults({"kind": "drop_before", "path": "/"})
    kernel.pause(0.5)
    interrupted(kernel, cell, 12)
    assert cell.status == "error"
    local_engee.faults()
    assert kernel.run("1+1", timeout_s=60).result == "2"
