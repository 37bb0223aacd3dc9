"""A new kernel of a notebook says what the last one left running in Engee, or ended without anybody to see it."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from frontend import Cell, Frontend, clean_environment
from joblab import Gate, KernelFactory, kill, short_id, shown

from engee_kernel.emulator.process import LocalEngee
from engee_kernel.jupyter.editors import file_of

LOOP = 'for i in 1:{n}; println("line $i"); sleep(0.3); i == {n} - 1 && {wait}; end; "the end"'


def lines(count: int) -> str:
    return "".join(f"line {number}\n" for number in range(1, count + 1))


@pytest.fixture
def new_kernel(new_kernel: KernelFactory) -> KernelFactory:
    """The agent knows a notebook by its path, whatever the journal: each test has its own."""
    folder = str(uuid.uuid4())

    def start(engee: LocalEngee, *, notebook: str = "one.ipynb", **settings: Any) -> Frontend:
        return new_kernel(engee, notebook=f"{folder}/{notebook}", **settings)

    return start


def left_running(kernel: Frontend, code: str, *, recorded: bool = True) -> None:
    """A cell that runs, and has its record, when the kernel is killed as VS Code's Restart does it."""
    kernel.value("1")
    cell = kernel.send(code)
    kernel.until(lambda: "line 8" in cell.text(), about=cell)
    if recorded:
        until_recorded(kernel, cell)
    kill(kernel)


def until_recorded(kernel: Frontend, cell: Cell) -> None:
    journal = Path(kernel.environment["ENGEE_STATE_DIR"], "jobs.jsonl")
    kernel.until(journal.exists, about=cell)


def remarks(kernel: Frontend, *, cells: int = 1) -> str:
    """What the next cells say on stderr."""
    return "".join(kernel.run("1 + 1").text("stderr") for _ in range(cells))


STILL = r"Cell \[2\] of this notebook still runs in Engee, since \d\d:\d\d:\d\d \((.+)\)\. %jobs attach ([0-9a-f]{8,}) "


def test_it_says_once_what_still_runs_and_attach_shows_all_of_it(
    new_kernel: KernelFactory, local_engee: LocalEngee, gate: Gate
) -> None:
    left_running(new_kernel(local_engee), LOOP.format(n=12, wait=gate.wait))
    second = new_kernel(local_engee)
    first_answer = second.run("1 + 1")
    assert first_answer.result == "2"
    said = re.match(STILL, first_answer.text("stderr"))
    assert said, first_answer
    assert said[1].startswith('for i in 1:12; println("line $i")')
    assert f"%jobs interrupt {said[2]} stops it." in first_answer.text("stderr")
    assert remarks(second, cells=2) == "", "once"
    attached = second.send("%jobs attach")
    second.until(lambda: "line 11" in attached.text(), about=attached)
    assert attached.reply is None, "live from then on"
    gate.open()
    second.finish(attached)
    assert (attached.text(), attached.result) == (lines(12), '"the end"')
    assert remarks(new_kernel(local_engee)) == "", "its end was seen"


def test_a_cell_too_young_for_a_record_is_known_by_the_agent(
    new_kernel: KernelFactory, local_engee: LocalEngee, gate: Gate
) -> None:
    left_running(new_kernel(local_engee, handoff_after_s=1000), LOOP.format(n=12, wait=gate.wait), recorded=False)
    other = new_kernel(local_engee, notebook="other.ipynb")
    other.pause(3)
    assert remarks(other, cells=2) == "", "another notebook"
    second = new_kernel(local_engee)
    second.pause(3)
    assert re.match(STILL, remarks(second, cells=2))
    assert "has stopped" in shown(second.run("%jobs interrupt"))
    third = new_kernel(local_engee)
    third.pause(3)
    assert remarks(third, cells=2) == ""


def test_what_ended_unseen_is_said_once(new_kernel: KernelFactory, local_engee: LocalEngee, gate: Gate) -> None:
    left_running(new_kernel(local_engee), LOOP.format(n=12, wait=gate.wait))
    gate.open()
    waiting = new_kernel(local_engee, notebook="other.ipynb")
    waiting.until(lambda: "running" not in shown(waiting.run("%jobs --all")), 60)
    second = new_kernel(local_engee)
    said = remarks(second)
    assert re.match(r"Cell \[2\] of this notebook ended in Engee at \d\d:\d\d:\d\d \(for i in", said), said
    assert second.run("%jobs attach").text() == lines(12)
    assert remarks(new_kernel(local_engee)) == ""


def test_a_detached_job_is_said_by_its_name(new_kernel: KernelFactory, local_engee: LocalEngee, gate: Gate) -> None:
    first = new_kernel(local_engee)
    job = short_id(first.run(f"%%job --detach --name sweep\n{gate.wait}"))
    first.end()
    assert remarks(new_kernel(local_engee)).startswith("Job “sweep” of this notebook still runs in Engee, since ")
    gate.open()
    watching = new_kernel(local_engee, notebook="other.ipynb")
    watching.run(f"%jobs wait {job}")


def test_what_was_seen_to_end_is_not_said(new_kernel: KernelFactory, local_engee: LocalEngee, gate: Gate) -> None:
    first = new_kernel(local_engee)
    cell = first.send(f"{gate.wait}; 1")
    until_recorded(first, cell)
    gate.open()
    assert first.finish(cell).status == "ok"
    kill(first)
    second = new_kernel(local_engee)
    assert remarks(second, cells=2) == ""


def test_plain_mode(new_kernel: KernelFactory, local_engee: LocalEngee, gate: Gate) -> None:
    first = new_kernel(local_engee, mode="plain")
    cell = first.send(f"%%job\n{gate.wait}; 6 * 7")
    until_recorded(first, cell)
    assert cell.reply is None
    kill(first)
    second = new_kernel(local_engee, mode="plain")
    assert re.match(r"Cell \[1\] of this notebook still runs in Engee", remarks(second))
    gate.open()
    assert second.run("%jobs attach").result == "42"


def test_a_stopped_server_is_neither_started_nor_asked_for_long(
    new_kernel: KernelFactory, local_engee: LocalEngee
) -> None:
    left_running(new_kernel(local_engee), LOOP.format(n=12, wait="sleep(600)"))
    stopping = new_kernel(local_engee, notebook="other.ipynb")
    assert stopping.run("%engee stop", timeout_s=120).status == "ok"
    second = new_kernel(local_engee, auto_start=False)
    second.pause(2)
    assert remarks(second) == ""
    assert local_engee.julia_pid() is None


def test_what_a_kernel_at_work_runs_is_not_left(new_kernel: KernelFactory, local_engee: LocalEngee, gate: Gate) -> None:
    """Two kernels of one notebook, or of one folder where nothing else is known of it, e.g. a batch of papermill's."""
    first = new_kernel(local_engee)
    first.value("1")
    cell = first.send(LOOP.format(n=12, wait=gate.wait))
    first.until(lambda: "line 8" in cell.text(), about=cell)
    until_recorded(first, cell)
    second = new_kernel(local_engee)
    second.pause(3)
    assert remarks(second, cells=2) == ""
    kill(first)
    third = new_kernel(local_engee)
    assert re.match(STILL, remarks(third))
    gate.open()
    assert third.run("%jobs attach").text() == lines(12)


# Running it again


def test_the_same_cell_again_while_it_still_runs(
    new_kernel: KernelFactory, local_engee: LocalEngee, gate: Gate
) -> None:
    code = LOOP.format(n=12, wait=gate.wait)
    left_running(new_kernel(local_engee), code)
    second = new_kernel(local_engee)
    assert re.match(STILL, remarks(second))
    again = second.send(f"%%time\n{code}")
    second.until(lambda: again.of("stream"), about=again)
    first_words = again.of("stream")[0]
    assert first_words["name"] == "stderr", "before it runs"
    assert first_words["text"].startswith("Cell [2], which begins as this one does, still runs in Engee, since ")
    assert "this one runs beside it" in first_words["text"]
    gate.open()
    assert second.finish(again).status == "ok"
    assert remarks(second) == ""
    assert second.run(code).text("stderr") == "", "it has ended"


def test_what_this_kernel_itself_gave_up_waiting_for(
    new_kernel: KernelFactory, local_engee: LocalEngee, gate: Gate
) -> None:
    kernel = new_kernel(local_engee, interrupt_grace_s=1)
    kernel.value("1")
    code = f'println("begun")\nwhile true; try; {gate.wait}; break; catch; end; end'
    cell = kernel.send(code)
    kernel.until(lambda: "begun" in cell.text(), about=cell)
    kernel.interrupt()
    assert kernel.finish(cell).content["ename"] == "StillRunningError"
    behind, again = kernel.send("6 * 7"), kernel.send(code)
    kernel.until(lambda: behind.text("stderr"), about=behind)
    assert re.match(
        r'Cell \[2\] still runs in Engee.* \(println\("begun"\)\): this one waits until', behind.text("stderr")
    )
    gate.open()
    assert kernel.finish(behind).result == "42"
    assert kernel.finish(again).status == "ok"
    assert remarks(kernel) == ""


# Whose it is


def run_in_vs_code(kernel: Frontend, file: Path, code: str) -> Cell:
    """A cell as VS Code sends it: its id is the document's address."""
    metadata = {"cellId": f"vscode-notebook-cell:{quote(str(file))}#W2sZmlsZQ%3D%3D"}
    content: dict[str, Any] = {"code": code, "silent": False, "stop_on_error": False, "allow_stdin": True}
    return kernel.request("execute_request", metadata=metadata, **content)


def test_in_vs_code_a_notebook_is_known_by_its_file(
    tmp_path: Path, local_engee: LocalEngee, gate: Gate, command_environment: dict[str, str]
) -> None:
    """Where VS Code starts the kernel, several notebooks share the folder, and nothing but their cells names them."""
    environment = {name: value for name, value in command_environment.items() if name.startswith("ENGEE_")}
    assert "JPY_SESSION_NAME" not in clean_environment(tmp_path / "command")
    files = [tmp_path / "модель 1.ipynb", tmp_path / "модель 2.ipynb"]
    first = Frontend(tmp_path / "first", environment).start()
    first.finish(run_in_vs_code(first, files[0], "1"))
    cell = run_in_vs_code(first, files[0], LOOP.format(n=12, wait=gate.wait))
    first.until(lambda: "line 8" in cell.text(), about=cell)
    until_recorded(first, cell)
    kill(first)
    with Frontend(tmp_path / "restarted", environment) as restarted:
        answer = restarted.finish(run_in_vs_code(restarted, files[0], "1"))
        assert re.match(STILL, answer.text("stderr")), answer
    with Frontend(tmp_path / "second", environment) as second:
        second.pause(2)
        said = [second.finish(run_in_vs_code(second, files[1], "1")).text("stderr") for _ in range(2)]
        assert said == ["", ""]
    gate.open()


@pytest.mark.parametrize(
    ("cell_id", "file"),
    [
        ("vscode-notebook-cell:/home/me/a%20b.ipynb#W2sZmlsZQ%3D%3D", "/home/me/a b.ipynb"),
        ("vscode-notebook-cell:/c%3A/Users/%D0%98%D0%92/a.ipynb#W2", "c:/Users/ИВ/a.ipynb"),
        ("vscode-notebook-cell://ssh-remote%2Bhost/home/me/a.ipynb#W2", "/home/me/a.ipynb"),
        ("vscode-notebook-cell:Untitled-1.ipynb?jupyter-notebook#W0", ""),
        ("2f7fb0ef-4d4e-4a55-8b43-6a7ae0d25c58", ""),
        (None, ""),
    ],
)
def test_the_file_that_a_cell_is_in(cell_id: object, file: str) -> None:
    assert file_of(cell_id) == file


def test_attach_without_an_id_takes_nothing_of_a_stranger(
    new_kernel: KernelFactory, local_engee: LocalEngee, gate: Gate, tmp_path: Path
) -> None:
    """Two people on one account: neither's journal knows the other's jobs."""
    theirs = new_kernel(local_engee, state_dir=tmp_path / "theirs")
    job = short_id(theirs.run(f"%%job --detach --name theirs\n{gate.wait}; 42"))
    ours = new_kernel(local_engee, notebook="mine.ipynb")
    for action, words in (("attach", "nor this computer has a job"), ("interrupt", "has no job that runs")):
        cell = ours.run(f"%jobs {action}")
        assert cell.content["ename"] == "UsageError" and words in cell.error["evalue"]
    elsewhere = new_kernel(local_engee, notebook="elsewhere.ipynb")
    elsewhere.run("%%job --name own\n43")
    assert ours.run("%jobs attach").result == "43", "of this computer at least"
    gate.open()
    assert ours.run(f"%jobs attach {job}").result == "42", "by its id"
