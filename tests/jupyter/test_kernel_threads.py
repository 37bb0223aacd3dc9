"""Julia with several threads: code that never yields silences nothing but the cells that share its thread."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest
from frontend import Cell, Frontend, KernelFactory

from engee_kernel.emulator.process import LocalEngee

# Never yields. A thread that reaches no safe point holds up every collection of garbage: that is not meant here.
BUSY = "busy(s) = (t = time_ns() + s * 10^9; while time_ns() < t; GC.safepoint(); end; 5); busy(0);"
SOON_S = 5.0  # half a second is meant; the machine may be busy, and what is new is compiled
LONG_S = 25

pytestmark = pytest.mark.slow


@pytest.fixture(params=["loop", "default"])
def engee(request: pytest.FixtureRequest, local_engee_factory: Callable[..., LocalEngee]) -> LocalEngee:
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one core: Julia 1.5 takes one thread")
    return local_engee_factory(julia_threads="4", eval_placement=request.param, job_placement=request.param)


def begun(kernel: Frontend) -> Cell:
    cell = kernel.send(f'println("started"); busy({LONG_S})')
    asked_at = time.monotonic()
    kernel.until(lambda: "started" in cell.text(), LONG_S - 5)
    assert time.monotonic() - asked_at < SOON_S
    return cell


def test_all_else_answers_meanwhile(engee: LocalEngee, kernel_factory: KernelFactory) -> None:
    one, other = kernel_factory(engee), kernel_factory(engee, cell_threads="own")
    one.run(BUSY, timeout_s=60)
    other.run("1", timeout_s=60)
    one.ask("complete_request", code="printl", cursor_pos=6)
    cell = begun(one)
    asked_at = time.monotonic()
    assert "println" in one.ask("complete_request", code="printl", cursor_pos=6).content["matches"]
    assert time.monotonic() - asked_at < SOON_S
    for command in ("%who", "%ls", "%jobs", "%metrics", "%engee"):
        asked_at = time.monotonic()
        assert other.run(command, timeout_s=LONG_S).status == "ok", command
        assert time.monotonic() - asked_at < SOON_S, command
    assert cell.reply is None
    asked_at = time.monotonic()
    assert other.run("1 + 1", timeout_s=LONG_S).result == "2"
    assert time.monotonic() - asked_at < SOON_S and cell.reply is None


def test_another_notebook_waits_and_says_why(engee: LocalEngee, kernel_factory: KernelFactory) -> None:
    one, other = kernel_factory(engee), kernel_factory(engee)
    one.run(BUSY, timeout_s=60)
    other.run("1", timeout_s=60)
    cell = begun(one)
    waiting = other.send("1 + 1")
    other.until(lambda: any("lets no other cell run" in text for text in other.texts()), 10)
    assert any("In[2]" in text for text in other.texts())
    one.finish(cell, LONG_S + 20)
    other.finish(waiting, 20)
    assert waiting.result == "2" and cell.result == "5"


def test_an_interrupt_gives_the_prompt_back_and_says_what_is_true(
    engee: LocalEngee, kernel_factory: KernelFactory
) -> None:
    kernel = kernel_factory(engee)
    kernel.run(BUSY, timeout_s=60)
    cell = begun(kernel)
    asked_at = time.monotonic()
    kernel.interrupt()
    kernel.finish(cell, LONG_S)
    assert cell.replied_at - asked_at < 5.0 + SOON_S
    assert "has not stopped" in cell.traceback and "%jobs attach" in cell.traceback
    attached = kernel.run(f"%jobs attach {cell.traceback.split('%jobs attach ')[1].split()[0]}", timeout_s=LONG_S + 20)
    assert attached.status == "ok" and "started" in attached.text()


def test_engee_tells_of_the_threads(engee: LocalEngee, kernel_factory: KernelFactory) -> None:
    kernel = kernel_factory(engee)
    kernel.run("1", timeout_s=60)
    shown = kernel.run("%engee", timeout_s=30)
    text = str(shown.outputs)
    thread = kernel.value("Threads.threadid()")
    assert thread != "1"
    assert "cells run on thread" in text and f"{thread} (default)" in text
