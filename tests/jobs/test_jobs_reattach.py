"""A kernel that dies, and a new one that finds again what the first one ran."""

from __future__ import annotations

import re

import pytest
from frontend import Frontend
from joblab import Gate, KernelFactory, kill, short_id, shown

from engee_kernel.emulator.process import LocalEngee

LOOP = 'for i in 1:{n}; println("line $i"); sleep(0.4); i == {n} - 1 && {wait}; end; "the end"'


def lines(count: int) -> str:
    return "".join(f"line {number}\n" for number in range(1, count + 1))


def id_of(table: str, label: str) -> str:
    """The short id of the newest job with this label."""
    found = re.search(rf"^([0-9a-f]{{8,}})  {re.escape(label)} ", table, re.MULTILINE)
    assert found, table
    return found[1]


def listed(kernel: Frontend, words: str = "") -> str:
    return shown(kernel.run(f"%jobs {words}"))


@pytest.mark.parametrize(("head", "label"), [("", "cell In[2]"), ("%%job\n", "%%job In[2]"), ("%%job --name n\n", "n")])
def test_every_line_once_in_order_and_the_result(
    new_kernel: KernelFactory, local_engee: LocalEngee, gate: Gate, head: str, label: str
) -> None:
    first = new_kernel(local_engee)
    first.value("1")
    cell = first.send(head + LOOP.format(n=12, wait=gate.wait))
    first.until(lambda: "line 7" in cell.text())
    kill(first)
    second = new_kernel(local_engee)
    table = listed(second)
    assert re.search(rf"{re.escape(label)} +running ", table), table
    job = id_of(table, label)
    attached = second.send(f"%jobs attach {job}")
    second.until(lambda: "line 11" in attached.text())
    second.pause(0.5)
    assert attached.reply is None  # it follows what still runs
    gate.open()
    second.finish(attached)
    assert (attached.text(), attached.result) == (lines(12), '"the end"')
    again = second.run(f"%jobs attach {job}")
    assert (again.text(), again.result) == (lines(12), '"the end"')
    assert re.search(rf"{job}  {re.escape(label)} +done ", listed(second))


def test_a_detached_job_outlives_its_kernel(new_kernel: KernelFactory, local_engee: LocalEngee, gate: Gate) -> None:
    first = new_kernel(local_engee)
    job = short_id(first.run("%%job --detach\n" + LOOP.format(n=6, wait=gate.wait)))
    kill(first)
    gate.open()
    second = new_kernel(local_engee)
    second.run("%jobs wait")
    attached = second.run(f"%jobs attach {job}")
    assert (attached.text(), attached.result) == (lines(6), '"the end"')


def test_an_orderly_restart_leaves_a_job_and_its_time_limit(new_kernel: KernelFactory, local_engee: LocalEngee) -> None:
    first = new_kernel(local_engee)
    job = short_id(first.run("%%job --detach --timeout 3\nprintln(1); sleep(100)"))
    first.end()
    second = new_kernel(local_engee)
    attached = second.run(f"%jobs attach {job}")
    assert attached.content["ename"] == "InterruptException"
    assert attached.text() == "1\n"


@pytest.mark.parametrize("head", ["", "%%job\n"])
def test_an_interrupt_from_the_new_kernel(
    new_kernel: KernelFactory, local_engee: LocalEngee, gate: Gate, head: str
) -> None:
    first = new_kernel(local_engee)
    first.value("1")
    cell = first.send(head + LOOP.format(n=9, wait=gate.wait))
    first.until(lambda: "line 7" in cell.text())
    kill(first)
    second = new_kernel(local_engee)
    job = listed(second, "--running").splitlines()[2].split()[0]
    assert "has stopped" in shown(second.run(f"%jobs interrupt {job}"))
    attached = second.run(f"%jobs attach {job}")
    assert attached.content["ename"] == "InterruptException"
    assert attached.text().startswith(lines(7))


@pytest.mark.parametrize("head", ["", "%%job\n"])
def test_a_prompt_is_asked_again(new_kernel: KernelFactory, local_engee: LocalEngee, head: str) -> None:
    first = new_kernel(local_engee)
    first.value("1")
    code = 'print("one? "); a = readline(); println("got $a"); sleep(2.5); print("two? "); b = readline(); a * b'
    first.on_input = lambda content: "x" if content["prompt"] == "one? " else None
    cell = first.send(head + code, allow_stdin=True)
    first.until(lambda: len(first.input_requests) == 2, 30, cell)
    kill(first)
    second = new_kernel(local_engee)
    job = listed(second, "--running").splitlines()[2].split()[0]
    second.on_input = lambda content: "y"
    attached = second.run(f"%jobs attach {job}", allow_stdin=True)
    # the first prompt was answered already: it is not asked again
    assert [request["content"]["prompt"] for request in second.input_requests] == ["two? "]
    assert attached.result == '"xy"'


def test_an_answered_prompt_is_not_asked_again(new_kernel: KernelFactory, local_engee: LocalEngee, gate: Gate) -> None:
    first = new_kernel(local_engee)
    first.value("1")
    first.on_input = lambda content: "x"
    cell = first.send(f'a = readline(); println("got $a"); {gate.wait}; a', allow_stdin=True)
    first.until(lambda: "got x" in cell.text())
    first.pause(4)  # until a job keeps the cell
    kill(first)
    second = new_kernel(local_engee)
    second.on_input = lambda content: "other"
    job = id_of(listed(second), "cell In[2]")
    attached = second.send(f"%jobs attach {job}", allow_stdin=True)
    second.until(lambda: "got x" in attached.text())
    second.pause(0.5)
    gate.open()
    assert second.finish(attached).result == '"x"'
    assert second.input_requests == []


def test_a_cell_younger_than_its_record_is_found_through_the_agent(
    new_kernel: KernelFactory, local_engee: LocalEngee, gate: Gate
) -> None:
    first = new_kernel(local_engee, handoff_after_s=1000)
    first.value("1")
    cell = first.send(LOOP.format(n=4, wait=gate.wait))
    first.until(lambda: "line 1" in cell.text())
    kill(first)
    second = new_kernel(local_engee)
    second.value("1")
    job = id_of(listed(second, "--running"), "cell In[2]")
    gate.open()
    attached = second.run(f"%jobs attach {job}")
    assert (attached.text(), attached.result) == (lines(4), '"the end"')


def test_plain_mode(new_kernel: KernelFactory, local_engee: LocalEngee, gate: Gate) -> None:
    first = new_kernel(local_engee, mode="plain")
    cell = first.send(f"%%job --name slow\n{gate.wait}; 6 * 7")
    first.pause(1.5)
    assert cell.reply is None
    kill(first)
    second = new_kernel(local_engee, mode="plain")
    job = id_of(listed(second, "--running"), "slow")
    gate.open()
    with_agent = new_kernel(local_engee)
    assert second.run(f"%jobs attach {job}").result == "42"
    assert with_agent.run(f"%jobs attach {job}").result == "42"
    assert second.run(f"%jobs result {job}").result == "42"


def test_jobs_that_a_restart_of_engee_has_taken_are_lost(new_kernel: KernelFactory, local_engee: LocalEngee) -> None:
    first = new_kernel(local_engee)
    first.run("%%job --name ended\n1")
    running = short_id(first.run("%%job --name ran --detach\nsleep(600)"))
    kill(first)
    local_engee.reset(new_session=True)
    second = new_kernel(local_engee)
    second.value("1")
    table = listed(second)
    assert re.search(r"ran +lost: Engee was restarted", table), table
    assert re.search(r"ended +done .*not kept any more", table), table
    attached = second.run(f"%jobs attach {running}")
    assert attached.content["ename"] == "NotFoundError"
    assert "knows this job" in attached.error["evalue"]


def test_other_notebooks_jobs_are_listed_with_all(new_kernel: KernelFactory, local_engee: LocalEngee) -> None:
    first = new_kernel(local_engee, notebook="first.ipynb")
    first.run("%%job --name theirs\n1")
    second = new_kernel(local_engee, notebook="second.ipynb")
    second.run("%%job --name ours\n1")
    assert "ours" in listed(second) and "theirs" not in listed(second)
    assert "theirs" in listed(second, "--all")
    assert second.run("%jobs result theirs").result == "1"
