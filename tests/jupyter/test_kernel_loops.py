"""A loop that a cell itself holds and that never yields: on one thread of Julia everything else lives beside it."""

from __future__ import annotations

import pytest
from frontend import Cell, Frontend, KernelFactory

from engee_kernel.emulator.process import LocalEngee

COMPUTE = "compute(n) = (x = 0.0; for i in 1:n; x += sin(i); end; x); compute(1);"
LOOP = 'println("started")\nwhile true\n    compute(10^6)\nend'


def begun(kernel: Frontend, code: str) -> Cell:
    cell = kernel.send(code)
    kernel.until(lambda: "started" in cell.text(), 20)
    return cell


def test_it_prints_answers_tab_and_can_be_interrupted(agent: Frontend) -> None:
    agent.run(COMPUTE)
    cell = begun(agent, LOOP)
    reply = agent.ask("complete_request", code="printl", cursor_pos=6).content
    assert "println" in reply["matches"]
    agent.interrupt()
    agent.finish(cell, 20)
    assert cell.error["ename"] == "InterruptException" and "In[" in cell.traceback
    assert agent.run("1+1").result == "2"


def test_the_other_notebook_runs_meanwhile(kernel_factory: KernelFactory, local_engee: LocalEngee) -> None:
    one, other = kernel_factory(local_engee), kernel_factory(local_engee)
    one.run(COMPUTE)
    other.run("1")
    cell = begun(one, LOOP)
    assert other.run("1+1", timeout_s=20).result == "2"
    assert cell.reply is None
    one.interrupt()
    one.finish(cell, 20)
    assert cell.error["ename"] == "InterruptException"


@pytest.mark.parametrize(("wish", "ran"), [("False", "false"), ("True", "true")])
def test_the_setting(agent: Frontend, wish: str, ran: str) -> None:
    agent.run(COMPUTE)
    agent.run(f"%config loop_checkpoints = {wish}")
    shown = agent.value("ran = false; @async (global ran = true); for i in 1:40; compute(10^6); end; ran")
    agent.run("%config loop_checkpoints = True")
    assert shown == ran
