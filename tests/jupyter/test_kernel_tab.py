"""Engee's browser tab, its streams and its background tasks in the process that a notebook's cells run in."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from factories import environment_of
from frontend import Cell, Frontend

from engee_kernel.cells.endings import MARGIN_S
from engee_kernel.emulator.process import LocalEngee

SURELY_OLD = f"sleep({MARGIN_S + 1.2})"
"""After it the server is known to be older than the last answer: its age is told to a second."""
RESTARTED = "Engee's kernel was restarted while the server ran on"


@pytest.fixture(scope="module")
def like_engee(julia: Path) -> Iterator[LocalEngee]:
    """Pipes, a display, packages, `ans`, background tasks as they were seen; cells on the loop's thread."""
    with LocalEngee(like_engee=True, background=0.1) as engee:
        yield engee


@pytest.fixture(scope="module")
def shared_notebook(like_engee: LocalEngee, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontend]:
    with Frontend(tmp_path_factory.mktemp("tab"), environment_of(like_engee, {})) as kernel:
        kernel.run("1", timeout_s=120)
        yield kernel


@pytest.fixture
def notebook(shared_notebook: Frontend) -> Frontend:
    return shared_notebook


def in_tab(engee: LocalEngee, kind: str) -> str:
    return "".join(item["text"] for item in engee.shown_in_tab() if item["kind"] == kind)


def displayed(engee: LocalEngee) -> list[str]:
    return [item["data"].get("text/plain", "") for item in engee.shown_in_tab() if item["kind"] == "display"]


def until(condition: Callable[[], object], bound_s: float = 20) -> None:
    ends = time.monotonic() + bound_s
    while not condition():
        assert time.monotonic() < ends, "not in time"
        time.sleep(0.05)


def last_display(cell: Cell) -> str:
    return str(cell.of("display_data")[-1]["data"]["text/plain"])


# Whose text is whose


def test_what_engee_prints_and_logs_reaches_no_cell(notebook: Frontend, like_engee: LocalEngee) -> None:
    beats = in_tab(like_engee, "stderr").count("BackendLib is alive")
    polls = in_tab(like_engee, "stdout").count("AbstractAPI: nothing")
    cell = notebook.run('for i in 1:20; println("line ", i); sleep(0.05); end; @info "mine"; @warn "too"')
    assert cell.text() == "".join(f"line {i}\n" for i in range(1, 21))
    assert re.fullmatch(r"\[ Info: mine\n┌ Warning: too\n└ @ .*\n", uncoloured(cell.text("stderr"))), cell
    until(lambda: in_tab(like_engee, "stderr").count("BackendLib is alive") > beats + 3)
    until(lambda: in_tab(like_engee, "stdout").count("AbstractAPI: nothing new\n") > polls + 3)
    for kind in ("stdout", "stderr"):
        assert "line 1" not in in_tab(like_engee, kind)
        assert "mine" not in in_tab(like_engee, kind)


def uncoloured(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_what_julias_runtime_prints(notebook: Frontend, like_engee: LocalEngee) -> None:
    finalizers = 'finalize(finalizer(_ -> error("of {}"), Ref(1)))'
    cell = notebook.run(finalizers.format("the cell"))
    assert re.search("error in running finalizer: ErrorException.*of the cell", cell.text("stderr"))
    like_engee.run_in_tab(finalizers.format("the tab"))
    until(lambda: "error in running finalizer" in in_tab(like_engee, "stderr"))
    assert "of the tab" in in_tab(like_engee, "stderr")
    assert "of the cell" not in in_tab(like_engee, "stderr")
    assert notebook.run("sleep(0.1)").text("stderr") == ""


def test_the_tab_while_a_cell_runs(notebook: Frontend, like_engee: LocalEngee) -> None:
    defined = "Base.invokelatest(isdefined, Main, :tab_done)"  # Julia 1.12: a loop sees the names of its own world
    cell = notebook.send(f'println("began"); while !{defined}; sleep(0.02); end; println("end"); :cell')
    notebook.until(lambda: "began" in cell.text())
    answer = like_engee.run_in_tab('println("tab out"); println(stderr, "tab err"); display([1, 2]); 6 * 7')
    assert answer == {"text": "42", "error": None}
    until(lambda: "tab out" in in_tab(like_engee, "stdout") and "tab err" in in_tab(like_engee, "stderr"))
    assert like_engee.run_in_tab("ans")["text"] == "42"
    like_engee.run_in_tab("tab_done = true;")
    notebook.finish(cell)
    assert (cell.text(), cell.text("stderr"), cell.result) == ("began\nend\n", "", ":cell")
    assert not any(output["kind"] == "display_data" for output in cell.outputs)
    assert any(text.startswith("2-element") for text in displayed(like_engee))
    assert "began" not in in_tab(like_engee, "stdout")
    assert like_engee.run_in_tab("ans")["text"] == "true", "the tab's last line has set it"
    assert notebook.value("ans") == ":cell"


def test_engees_own_are_as_before_when_nothing_runs(notebook: Frontend, like_engee: LocalEngee) -> None:
    like_engee.run_in_tab('"of the tab";')
    assert notebook.run('print("x"); display("text/html", "<b>1</b>"); run(`echo child`); [1]').text() == "xchild\n"
    assert notebook.value("only(ans) + 1") == "2"
    assert like_engee.run_in_tab("ans")["text"] == "of the tab"
    like_engee.run_in_tab('println("plainly"); run(`echo of a program`); display(HTML("<i>2</i>"));')
    # a program's line may come between a background task's word and its line end, as in a terminal
    until(lambda: re.search("^plainly$", in_tab(like_engee, "stdout"), re.MULTILINE))
    until(lambda: re.search("of a program$", in_tab(like_engee, "stdout"), re.MULTILINE))
    assert like_engee.run_in_tab("displaysize(stdout)")["text"] == "(30, 80)"
    assert like_engee.run_in_tab("get(stdout, :limit, false)")["text"] == "true"
    assert like_engee.run_in_tab("length(Base.Multimedia.displays)")["text"].isdigit()


def test_long_text_stalls_nobody_after_a_program_has_run(notebook: Frontend, like_engee: LocalEngee) -> None:
    notebook.run("run(`true`)")
    cell = notebook.run('print("a"^300_000); print(stderr, "b"^300_000); run(`printf %0300000d 0`); :done')
    assert (cell.text(), cell.text("stderr"), cell.result) == ("a" * 300_000 + "0" * 300_000, "b" * 300_000, ":done")
    late = "@async (sleep(0.3); print('c'^300_000)); run(`sh -c 'sleep 0.3; printf %0300000d 1'`, wait=false); nothing"
    assert notebook.run(late).status == "ok"
    notebook.pause(1)
    again = notebook.run(":alive")
    assert again.result == ":alive"
    assert like_engee.run_in_tab("1 + 1")["text"] == "2"
    for kind in ("stdout", "stderr"):
        assert not re.search("a{9}|b{9}|c{9}|0{9}", in_tab(like_engee, kind))


# Clear all variables


def test_cleared_variables(notebook: Frontend, like_engee: LocalEngee) -> None:
    notebook.run("cleared_one = [1, 2]; kept_function() = 1")
    like_engee.clear_variables()
    line = next(line for line in last_display(notebook.run("%who")).splitlines() if "cleared_one" in line)
    assert "cleared in Engee's tab (EngeeNothing)" in line
    assert "Array" not in line
    for code in ("cleared_one + 1", "cleared_one[1]", "for x in cleared_one; end"):
        cell = notebook.run(code)
        assert cell.error["ename"] == "MethodError"
        assert "“Clear all variables” in Engee's browser tab" in cell.traceback
    assert "Clear all" not in notebook.run("1 + missing_name").traceback
    notebook.run("cleared_one = 3")
    assert notebook.value("cleared_one") == "3"


# Restart the kernel


@pytest.mark.slow
def test_a_restart_between_two_cells(notebook: Frontend, like_engee: LocalEngee) -> None:
    notebook.run(f"gone = 1; {SURELY_OLD}")
    like_engee.restart_kernel()
    cell = notebook.run("gone", timeout_s=90)
    assert cell.error["ename"] == "SessionLostError"
    assert cell.traceback.startswith(f"SessionLostError: {RESTARTED}"), cell.traceback
    assert "variables are gone. This cell was not run." in cell.traceback
    assert notebook.run("gone", timeout_s=90).error["ename"] == "UndefVarError"


@pytest.mark.slow
def test_a_restart_while_a_cell_runs(notebook: Frontend, like_engee: LocalEngee) -> None:
    notebook.run("1")
    cell = notebook.send(f'{SURELY_OLD}; println("began"); sleep(60)')
    notebook.until(lambda: "began" in cell.text())
    like_engee.restart_kernel()
    notebook.finish(cell, 90)
    assert RESTARTED in cell.traceback, cell.traceback
    assert "may have run, in part or whole; it was not run again" in cell.traceback
    assert notebook.run("1 + 1", timeout_s=90).result == "2"


def test_a_restart_of_the_server_is_called_so(notebook: Frontend, like_engee: LocalEngee) -> None:
    notebook.run("gone = 1")
    like_engee.reset(new_session=True)
    time.sleep(2.1)
    cell = notebook.run("gone", timeout_s=90)
    assert "The Engee server was restarted: the session's variables are gone. This cell was not run." in cell.traceback


@pytest.mark.slow
def test_a_restart_under_a_job_and_under_who_follows_it(notebook: Frontend, like_engee: LocalEngee) -> None:
    notebook.run(SURELY_OLD)
    job = notebook.send('%%job --name long\nprintln("began"); sleep(60)')
    notebook.until(lambda: "began" in job.text(), 30)
    like_engee.restart_kernel()
    notebook.finish(job, 90)
    assert RESTARTED in job.traceback, job.traceback
    listed = last_display(notebook.run("%jobs"))
    assert re.search(r"long +lost: Engee was restarted|long +.*restarted", listed), listed
    notebook.run(SURELY_OLD, timeout_s=90)
    begun = notebook.run('%%job --detach --name other\nprintln("began"); sleep(60)')
    assert begun.status == "ok"
    attached = notebook.send("%jobs attach other")
    notebook.until(lambda: "began" in attached.text(), 30)
    like_engee.restart_kernel()
    notebook.finish(attached, 90)
    assert RESTARTED in attached.traceback, attached.traceback


def test_a_restart_under_a_transfer(notebook: Frontend, like_engee: LocalEngee, tmp_path: Path) -> None:
    source = tmp_path / "big.bin"
    source.write_bytes(b"x" * 2**20)
    notebook.run("1", timeout_s=90)
    like_engee.faults({"kind": "latency", "path": "file/upload", "delay_s": 1.0, "count": 1})
    sent = notebook.send(f'%upload "{source}"')
    until(lambda: any("file/upload" in call["path"] for call in like_engee.requests()))
    like_engee.restart_kernel()
    notebook.finish(sent, 90)
    assert sent.status == "ok", sent.traceback
    like_engee.faults()
