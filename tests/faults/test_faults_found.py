"""What the suite has found, each as a short story of its own, without chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from frontend import Cell, Frontend

from engee_kernel.emulator.process import LocalEngee

LIMIT_S = 90


@pytest.fixture
def engee(local_engee: LocalEngee) -> LocalEngee:
    (local_engee.user_dir / "runs.txt").unlink(missing_ok=True)
    return local_engee


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Frontend]]:
    started: list[Frontend] = []

    def start(engee: LocalEngee, **settings: str) -> Frontend:
        variables = {f"ENGEE_{name.upper()}": value for name, value in settings.items()}
        variables |= {"ENGEE_URL": engee.url, "ENGEE_TOKEN": engee.token, "ENGEE_STATE_DIR": str(tmp_path / "state")}
        started.append(Frontend(tmp_path / f"kernel-{len(started)}", variables))
        kernel = started[-1].start()
        assert kernel.run("1", LIMIT_S).result == "1"
        return kernel

    yield start
    for kernel in started:
        kernel.end()


def attach_to(kernel: Frontend, cell: Cell) -> Cell:
    """Follow the advice of an error."""
    (line,) = [line for line in cell.traceback.splitlines() if "%jobs attach" in line]
    return kernel.run("%jobs attach " + line.split()[-1], LIMIT_S)


def runs(engee: LocalEngee) -> int:
    path = engee.user_dir / "runs.txt"
    return len(path.read_text(encoding="utf-8")) if path.exists() else 0


COUNT = 'open(io -> print(io, "x"), joinpath(get(ENV, "ENGEE_USER_DIR", "/user"), "runs.txt"), "a");\n'


@pytest.mark.slow
def test_a_prompt_is_answered_where_nothing_gets_through_beside_a_job(
    start: Callable[..., Frontend], engee: LocalEngee
) -> None:
    """The job that keeps a long cell's record would wait for the cell, the cell for an answer that can't come in."""
    engee.configure(evals_during_jobs=False)
    kernel = start(engee, handoff_after_s="0.5")
    kernel.on_input = lambda prompt: "typed"
    cell = kernel.run("sleep(2); readline()", LIMIT_S, allow_stdin=True)
    assert (cell.status, cell.result) == ("ok", '"typed"')


@pytest.mark.slow
def test_a_cell_can_be_interrupted_where_nothing_gets_through_beside_a_job(
    start: Callable[..., Frontend], engee: LocalEngee
) -> None:
    engee.configure(evals_during_jobs=False)
    kernel = start(engee, handoff_after_s="0.5", interrupt_grace_s="1")
    cell = kernel.send("while true\n    sleep(0.1)\nend")
    kernel.pause(2.0)
    kernel.interrupt()
    kernel.finish(cell, LIMIT_S)
    assert cell.status == "error"
    kernel.pause(0.5)
    # whether it was hit at once or only let go: Engee is not blocked for good
    if cell.error["ename"] == "StillRunningError":
        (line,) = [line for line in cell.traceback.splitlines() if "%jobs attach" in line]
        assert kernel.run("%jobs interrupt " + line.split()[-1], LIMIT_S).status == "ok"
    assert kernel.run("1 + 1", LIMIT_S).result == "2"


def test_a_cell_that_was_let_go_and_ended_without_a_job_is_found_by_its_id(
    start: Callable[..., Frontend], engee: LocalEngee
) -> None:
    kernel = start(engee, handoff_after_s="30")
    engee.faults({"kind": "status", "status": 403, "path": "external", "contains": ":events,"})
    cell = kernel.run('println("a"); sleep(1.5); println("b"); 7', LIMIT_S)
    engee.faults()
    assert cell.error["ename"] == "StillRunningError" and "goes on in Engee" in cell.traceback
    attached = attach_to(kernel, cell)
    assert (attached.status, attached.text(), attached.result) == ("ok", "a\nb\n", "7")


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_stray_refusal_in_the_middle_of_a_cell_does_not_end_it(
    start: Callable[..., Frontend], engee: LocalEngee, status: int
) -> None:
    kernel = start(engee)
    engee.faults({"kind": "status", "status": status, "path": "eval", "contains": ":events,", "skip": 1, "count": 2})
    cell = kernel.run(COUNT + 'for i in 1:8\n    println(i)\n    sleep(0.3)\nend\n"end"', LIMIT_S)
    assert (cell.status, cell.text()) == ("ok", "".join(f"{i}\n" for i in range(1, 9)))
    assert runs(engee) == 1


def test_a_cell_that_is_refused_is_not_said_to_run(start: Callable[..., Frontend], engee: LocalEngee) -> None:
    kernel = start(engee)
    engee.faults({"kind": "status", "status": 401, "path": "external", "count": 1})
    cell = kernel.run(COUNT + "1", LIMIT_S)
    assert cell.status == "error" and "goes on" not in cell.traceback and runs(engee) == 0


@pytest.mark.parametrize("status", [401, 403])
def test_a_job_that_may_not_be_asked_for_any_more_is_said_to_go_on(
    start: Callable[..., Frontend], engee: LocalEngee, status: int
) -> None:
    kernel = start(engee, mode="plain")
    engee.faults({"kind": "status", "status": status, "path": "/result", "skip": 1})
    cell = kernel.run("%%job\nsleep(3); 6 * 7", LIMIT_S)
    engee.faults()
    assert cell.error["ename"] == "StillRunningError" and "goes on in Engee" in cell.traceback
    assert attach_to(kernel, cell).result == "42"


def test_an_interrupted_cell_that_never_arrived_is_not_said_to_run(
    start: Callable[..., Frontend], engee: LocalEngee
) -> None:
    kernel = start(engee, interrupt_grace_s="1")
    kernel.run("1", LIMIT_S)
    engee.faults({"kind": "status", "status": 502, "path": "external"})
    cell = kernel.send(COUNT + "1")
    kernel.pause(1.0)
    kernel.interrupt()
    kernel.finish(cell, LIMIT_S)
    engee.faults()
    assert "may never have arrived" in cell.error["evalue"] and runs(engee) == 0


def test_a_login_page_in_the_middle_of_a_cell_does_not_end_it(
    start: Callable[..., Frontend], engee: LocalEngee
) -> None:
    kernel = start(engee)
    engee.faults({"kind": "not_json", "path": "eval", "skip": 1, "count": 3})
    cell = kernel.run(COUNT + 'for i in 1:8\n    println(i)\n    sleep(0.3)\nend\n"end"', LIMIT_S)
    assert (cell.status, cell.text()) == ("ok", "".join(f"{i}\n" for i in range(1, 9)))
    assert runs(engee) == 1


@pytest.mark.parametrize("fault", ["kill_julia", "stop_session"])
def test_a_silent_cell_whose_session_ends_is_told_as_possibly_run(
    start: Callable[..., Frontend], engee: LocalEngee, fault: str
) -> None:
    """It is known to the agent and has put nothing out; no other cell had run before it in this notebook."""
    kernel = start(engee, handoff_after_s="0.3")
    cell = kernel.send(COUNT + "sleep(20)")
    engee.faults({"kind": fault, "path": "eval", "contains": ":events,", "count": 1, "delay_s": 0.2})
    kernel.finish(cell, LIMIT_S)
    assert cell.error["ename"] == "SessionLostError" and "was not run." not in cell.traceback
    kernel.pause(0.5)
    engee.faults()
    for _ in range(2):
        after = kernel.run("2 + 2", LIMIT_S)
    assert after.result == "4" and runs(engee) == 1


def test_a_line_that_was_refused_is_asked_for_again(start: Callable[..., Frontend], engee: LocalEngee) -> None:
    kernel = start(engee)
    typed: list[str] = []

    def answer(_prompt: object) -> str:
        typed.append(f"line {len(typed) + 1}")
        return typed[-1]

    kernel.on_input = answer
    engee.faults({"kind": "status", "status": 403, "path": "eval", "contains": ":answer,", "count": 1})
    cell = kernel.run("readline()", LIMIT_S, allow_stdin=True)
    assert (cell.status, cell.result) == ("ok", '"line 2"')
    assert "did not reach the cell" in cell.text("stderr")


@pytest.mark.slow
def test_a_job_whose_server_stops_behind_its_acceptance_may_have_run(
    start: Callable[..., Frontend], engee: LocalEngee
) -> None:
    kernel = start(engee)
    engee.faults({"kind": "stop_session", "path": "jobs/create", "delay_s": 0.0, "count": 1})
    cell = kernel.run("%%job --detach\n" + COUNT + "sleep(5)", LIMIT_S)
    if cell.status == "error":
        assert "may have run" in cell.traceback or runs(engee) == 0
    engee.reset(new_session=True)


def test_an_answer_that_is_none_leaves_open_whether_a_plain_cell_ran(
    start: Callable[..., Frontend], engee: LocalEngee
) -> None:
    kernel = start(engee, mode="plain")
    engee.faults({"kind": "not_json", "path": "eval", "ran": True, "count": 1})
    cell = kernel.run(COUNT + "1", LIMIT_S)
    assert cell.error["ename"] == "StillRunningError" and "may still be running" in cell.traceback
    assert runs(engee) == 1
