"""Pages of Engee's gateway in place of its replies, and words for the server's state that nobody knows.

No cell is refused, no job is lost, no file is missing because of them; what is shown is what is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from frontend import Cell, Frontend, KernelFactory

from engee_kernel.emulator.process import LocalEngee

PAGES = "maintenance pages (“Server maintenance”) in place of Engee"


@pytest.fixture(autouse=True)
def calm(shared_local_engee: LocalEngee) -> Iterator[None]:
    yield
    shared_local_engee.faults()
    shared_local_engee.configure(maintenance="none", status_word=None, status_call="json")


def page(path: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "maintenance", "path": path, **fields}


def text_of(cell: Cell) -> str:
    """All that was shown as text, life signs too."""
    shown = [content["data"]["text/plain"] for content in cell.of("display_data", "update_display_data")]
    return "\n".join([cell.text(), cell.text("stderr"), *shown])


def last_display(cell: Cell) -> str:
    return str(cell.of("display_data")[-1]["data"]["text/plain"])


def job_id(cell: Cell) -> str:
    found = re.search(r"%jobs attach ([0-9a-f-]{36})", cell.traceback)
    assert found, cell.traceback
    return found[1]


def until_running(kernel: Frontend, cell: Cell, mark: str) -> None:
    kernel.until(lambda: mark in cell.text(), about=mark)


# Cells


def test_pages_at_submit(agent: Frontend, local_engee: LocalEngee) -> None:
    agent.run("sent = 0")
    local_engee.faults(page("command/eval", count=3))
    assert agent.value("global sent += 1") == "1"
    local_engee.faults(page("command/eval", contains="sent += 1", count=2, ran=True))
    assert agent.value("global sent += 1") == "2", "the page came after the cell had been taken"


def test_a_cell_goes_on_behind_pages_and_is_caught_up_with(agent: Frontend, local_engee: LocalEngee) -> None:
    cell = agent.send("for i in 1:40; println(i); sleep(0.1); end; :end")
    until_running(agent, cell, "2\n")
    local_engee.configure(maintenance="all")
    agent.until(lambda: PAGES in text_of(cell), 20, cell)
    local_engee.configure(maintenance="none")
    agent.finish(cell)
    assert (cell.status, cell.result) == ("ok", ":end"), cell
    assert cell.text() == "".join(f"{i}\n" for i in range(1, 41))


def test_pages_to_the_end_of_the_bound(kernel_factory: KernelFactory, local_engee: LocalEngee) -> None:
    kernel = kernel_factory(local_engee, reconnect_bound_s=1.5)
    kernel.run("1", timeout_s=120)
    cell = kernel.send('println("began"); sleep(4); println("caught up"); 6 * 7')
    until_running(kernel, cell, "began")
    local_engee.configure(maintenance="all")
    kernel.finish(cell)
    assert cell.error["ename"] == "StillRunningError"
    assert re.search(re.escape(f"has answered with {PAGES} since ") + r"\d\d:\d\d:\d\d, for \d\.\d s\.", cell.traceback)
    for words in ("goes on there as far as is known", "not run twice", "nothing is known to be lost"):
        assert words in cell.traceback
    for words in ("ENGEE_URL", "stopped", "gone", "ended"):
        assert words not in cell.traceback
    never = kernel.run("global never = 1")
    assert never.error["ename"] == "StillRunningError"
    assert "may be running there, or may never have arrived" in never.traceback
    local_engee.configure(maintenance="none")
    followed = kernel.run(f"%jobs attach {job_id(cell)}")
    assert followed.status == "ok", followed.traceback
    assert followed.text() == "began\ncaught up\n"
    assert followed.result == "42"


def test_an_interrupt_behind_pages(agent: Frontend, local_engee: LocalEngee) -> None:
    cell = agent.send('println("began"); sleep(60)')
    until_running(agent, cell, "began")
    local_engee.configure(maintenance="all")
    agent.interrupt()
    agent.finish(cell)
    assert "has not reached the cell" in cell.traceback
    assert "never yields" not in cell.traceback
    local_engee.configure(maintenance="none")
    stopped = agent.run(f"%jobs interrupt {job_id(cell)}")
    assert "stopped" in text_of(stopped), stopped


@pytest.mark.slow
def test_the_first_cell_waits_for_the_end_of_the_pages(kernel_factory: KernelFactory, local_engee: LocalEngee) -> None:
    local_engee.faults(page("/prod/user/", for_s=20.0))
    kernel = kernel_factory(local_engee)
    cell = kernel.run("1 + 1", timeout_s=120)
    assert (cell.status, cell.result) == ("ok", "2"), cell


@pytest.mark.slow
def test_the_first_cell_says_when_the_bound_is_over(kernel_factory: KernelFactory, local_engee: LocalEngee) -> None:
    local_engee.configure(maintenance="all")
    kernel = kernel_factory(local_engee, reconnect_bound_s=1.0)
    cell = kernel.run("1 + 1", timeout_s=120)
    assert f"has answered with {PAGES} since " in cell.traceback
    assert "The cell was not sent, and nothing is known to be lost" in cell.traceback


def test_plain_mode_never_sends_a_cell_again(plain: Frontend, local_engee: LocalEngee) -> None:
    plain.run("plainly = 0")
    local_engee.faults(page("command/eval", count=1))
    cell = plain.run("global plainly += 1")
    assert cell.error["ename"] == "StillRunningError"
    assert f"Engee's gateway answered with {PAGES}: whether the cell arrived is not known" in cell.traceback
    assert plain.value("plainly") == "0"


# Jobs


def test_pages_while_a_cell_is_handed_to_a_job(kernel_factory: KernelFactory, local_engee: LocalEngee) -> None:
    kernel = kernel_factory(local_engee, handoff_after_s=0.3)
    kernel.run("1", timeout_s=120)
    local_engee.faults(page("jobs/", for_s=2.0))
    cell = kernel.run('println("a"); sleep(3); "b"')
    assert (cell.text(), cell.result) == ("a\n", '"b"'), cell
    assert "can't be handed" not in cell.text("stderr")


@pytest.mark.parametrize("mode", ["agent", "plain"])
def test_pages_around_a_job(request: pytest.FixtureRequest, local_engee: LocalEngee, mode: str) -> None:
    kernel: Frontend = request.getfixturevalue(mode)
    kernel.run("of_jobs = 0")
    local_engee.faults(page("jobs/create", count=2), page("/result", count=2))
    cell = kernel.run("%%job\nglobal of_jobs += 1")
    assert (cell.status, cell.result) == ("ok", "1"), cell
    local_engee.faults({"kind": "not_json", "path": "jobs/create", "count": 1})
    cell = kernel.run("%%job\nglobal of_jobs += 1")
    assert (cell.status, cell.result) == ("ok", "2"), "a page with 200 is no job that was accepted"


@pytest.mark.slow
def test_jobs_behind_pages_are_not_lost(kernel_factory: KernelFactory, local_engee: LocalEngee) -> None:
    kernel = kernel_factory(local_engee, reconnect_bound_s=1.0)
    kernel.run("1", timeout_s=120)
    begun = kernel.run("%%job --detach --name behind\nsleep(2); 42")
    assert begun.status == "ok", begun
    local_engee.configure(maintenance="all")
    listed = kernel.run("%jobs", timeout_s=90)
    assert listed.status == "ok", listed
    assert f"has answered with {PAGES} since " in text_of(listed)
    assert re.search("behind +not known: Engee's gateway answers", last_display(listed))
    local_engee.configure(maintenance="none")
    assert kernel.run("%jobs wait").status == "ok"
    assert re.search("behind +done", last_display(kernel.run("%jobs")))


def test_a_cell_without_a_job_is_not_declared_unknown(agent: Frontend, local_engee: LocalEngee) -> None:
    left = agent.send('println("began"); sleep(3); :kept')
    until_running(agent, left, "began")
    local_engee.configure(maintenance="eval")
    agent.interrupt()
    agent.finish(left)
    attaching = agent.send(f"%jobs attach {job_id(left)}")
    agent.pause(1)
    local_engee.configure(maintenance="none")
    agent.finish(attaching)
    assert attaching.status == "ok", attaching.traceback


# Files


def test_pages_around_files(agent: Frontend, local_engee: LocalEngee, tmp_path: Path) -> None:
    source = tmp_path / "sent.bin"
    source.write_bytes(bytes(range(256)))
    local_engee.faults(page("file/upload", count=3))
    sent = agent.run(f'%upload "{source}"')
    assert sent.status == "ok", sent.traceback
    assert "gateway answers with maintenance pages" in text_of(sent)
    local_engee.faults({"kind": "not_json", "path": "file/upload", "count": 1})
    again = agent.run(f'%upload "{source}"')
    assert again.status == "ok", "a page with 200 is no upload that arrived"
    local_engee.faults(page("file/download", count=1))
    fetched = agent.run(f'%download sent.bin "{tmp_path / "fetched.bin"}"')
    assert fetched.status == "ok", fetched.traceback
    assert (tmp_path / "fetched.bin").read_bytes() == source.read_bytes()


# The server's state


def starts(engee: LocalEngee) -> int:
    return sum(call["path"].endswith(("/start", "/stop")) for call in engee.requests())


def test_a_word_that_nobody_knows(kernel_factory: KernelFactory, local_engee: LocalEngee) -> None:
    local_engee.configure(status_word="hibernating")
    kernel = kernel_factory(local_engee, start_bound_s=1)
    assert kernel.run("kept = 1 + 1", timeout_s=120).result == "2"
    assert "hibernating" in last_display(kernel.run("%engee"))
    started = kernel.run("%engee start")
    assert "“hibernating”, still after" in started.traceback
    local_engee.faults(page("command/eval", count=2))
    assert kernel.value("kept") == "2", "a page and a word that says nothing: no reason to give the variables up"
    assert kernel.run("%who").status == "ok"
    assert kernel.run("%ls").status == "ok"
    assert starts(local_engee) == 0
    for cell in (started, kernel.run("%metrics")):
        assert "stopped." not in str(cell)


def test_status_calls_that_fail_hold_up_no_cell(agent: Frontend, local_engee: LocalEngee, tmp_path: Path) -> None:
    source = tmp_path / "x.txt"
    source.write_text("x", encoding="utf-8")
    agent.run("kept = 2")
    local_engee.configure(status_call="503")
    local_engee.faults(page("command/eval", count=1))
    assert agent.value("kept") == "2"
    assert agent.run(f'%upload "{source}"').status == "ok"
    assert starts(local_engee) == 0


def test_a_status_call_that_fails_in_passing_is_asked_again(
    kernel_factory: KernelFactory, local_engee: LocalEngee
) -> None:
    kernel = kernel_factory(local_engee, auto_start=0)
    kernel.run("1", timeout_s=120)
    local_engee.configure(status_word="stopped", maintenance="all")
    local_engee.faults({"kind": "status", "path": "engee/info", "count": 1})
    cell = kernel.run("1")
    assert "The Engee server is stopped" in cell.traceback, "the page was explained by the second status call"
