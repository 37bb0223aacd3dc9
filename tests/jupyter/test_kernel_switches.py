"""What the contract leaves open, each way it may be: the person sees the same, or a clear word about it."""

from __future__ import annotations

from typing import Any

import pytest
from frontend import Frontend, KernelFactory

from engee_kernel.emulator.process import LocalEngee


@pytest.mark.parametrize("form", ["nothing", "empty", "null"])
def test_nothing_shows_nothing(kernel: Frontend, local_engee: LocalEngee, form: str) -> None:
    local_engee.configure(nothing=form)
    assert kernel.run("nothing").outputs == []
    assert kernel.run("%%job\nnothing").outputs == []


def test_printed_text_in_the_result(kernel: Frontend, local_engee: LocalEngee) -> None:
    local_engee.configure(stdout_in_result=True)
    cell = kernel.run('println("printed"); 7')
    shown = str(cell.outputs)
    assert cell.status == "ok" and shown.count("printed") == 1 and "7" in shown
    assert kernel.run("1+1").result == "2"


def test_quoted_strings(kernel: Frontend, local_engee: LocalEngee) -> None:
    local_engee.configure(strings="quoted")
    assert kernel.run('"a\\"b"').result == '"a\\"b"'
    assert kernel.run("%%job\n1 + 1").result == "2"


@pytest.mark.slow
def test_a_limit_on_code_in_which_the_agent_fits_only_in_pieces(
    kernel_factory: KernelFactory, local_engee_factory: KernelFactory
) -> None:
    engee: LocalEngee = local_engee_factory(code_limit=16_000)  # type: ignore[assignment]
    kernel = kernel_factory(engee)
    cell = kernel.run('println("live"); 42', timeout_s=120)
    assert (cell.text(), cell.result) == ("live\n", "42"), cell
    assert "plain mode" not in cell.text("stderr")
    long = kernel.run("#" * 20_000 + "\n1", timeout_s=60)
    assert long.status == "error" and "larger" in long.traceback
    assert kernel.run("2+2").result == "4"


def test_code_over_the_limit_without_the_agent(plain: Frontend, local_engee: LocalEngee) -> None:
    local_engee.configure(code_limit_bytes=1000)
    for code in ("#" * 1001, "%%job\n" + "#" * 1001 + "\n1"):
        cell = plain.run(code)
        assert cell.status == "error" and "larger" in cell.traceback
    assert plain.run("2+2").result == "4"


def test_a_limit_on_results_cuts_the_agents_answers(kernel_factory: KernelFactory, local_engee: LocalEngee) -> None:
    """Whatever the kernel makes of it, no cell runs twice and no output is passed off as whole."""
    kernel = kernel_factory(local_engee)
    kernel.run("counter = 0;", timeout_s=60)
    local_engee.configure(result_limit_chars=3000)
    cell = kernel.run("global counter += 1; for i in 1:2000 println(i) end; counter", timeout_s=60)
    whole = "".join(f"{number}\n" for number in range(1, 2001))
    assert cell.text() == whole or cell.status == "error", cell
    assert kernel.run("1+1", timeout_s=60).result == "2"
    local_engee.configure(result_limit_chars=None)
    assert kernel.run("counter").result == "1"


def test_two_origins(kernel_factory: KernelFactory, local_engee_factory: KernelFactory) -> None:
    engee: LocalEngee = local_engee_factory(session_port=0)  # type: ignore[assignment]
    kernel = kernel_factory(engee, mode="plain")
    assert kernel.run("1+1").result == "2"
    assert kernel.run("%%job\n2+2").result == "4"


@pytest.mark.parametrize("stopped_status", [404, 502, 503])
def test_a_server_that_stopped_itself_between_two_cells(
    kernel_factory: KernelFactory, local_engee_factory: KernelFactory, stopped_status: int
) -> None:
    engee: LocalEngee = local_engee_factory(  # type: ignore[assignment]
        inactivity_timeout=2, stopped_status=stopped_status
    )
    kernel = kernel_factory(engee, mode="plain")
    kernel.run("counter = 1")
    kernel.pause(6)
    cell = kernel.run("1+1", timeout_s=60)
    assert cell.result == "2"
    assert "variables are gone" in cell.text("stderr")
    assert kernel.run("counter").error["ename"] == "UndefVarError"


@pytest.mark.slow
def test_the_same_with_the_agent(kernel_factory: KernelFactory, local_engee_factory: KernelFactory) -> None:
    engee: LocalEngee = local_engee_factory()  # type: ignore[assignment]
    kernel = kernel_factory(engee)
    kernel.run("counter = 1", timeout_s=120)
    engee.faults({"kind": "stop_session", "path": "command/eval", "count": 1})
    kernel.run("1")
    engee.faults()
    kernel.pause(3)
    cell = kernel.run("1+1", timeout_s=120)
    assert cell.result == "2" or "variables are gone" in cell.traceback
    assert kernel.run("2+2", timeout_s=120).result == "4"


STATUSES: list[tuple[dict[str, Any], str]] = [
    ({"status": 401}, "token"),
    ({"status": 403}, "token"),
    ({"status": 404}, "404"),
    ({"status": 413}, "larger"),
    ({"status": 418}, "418"),
]


@pytest.mark.parametrize(("fault", "word"), STATUSES, ids=[str(fault["status"]) for fault, _ in STATUSES])
def test_other_refusals(kernel: Frontend, local_engee: LocalEngee, fault: dict[str, Any], word: str) -> None:
    kernel.run("counter = 0;")
    local_engee.faults({"kind": "status", "path": "command/eval", "contains": "counter", "count": 1, **fault})
    cell = kernel.run("global counter += 1")
    local_engee.faults()
    ran = int(kernel.value("counter"))
    if cell.status == "ok":
        assert (cell.result, ran) == ("1", 1)
    else:
        assert word in cell.traceback and ran == 0, cell.traceback
        assert "<html" not in cell.traceback


def test_a_server_error_with_a_page(kernel: Frontend, local_engee: LocalEngee) -> None:
    kernel.run("counter = 0;")
    local_engee.faults(
        {"kind": "status", "status": 500, "ran": True, "path": "command/eval", "contains": "counter", "count": 1}
    )
    cell = kernel.run("global counter += 1")
    local_engee.faults()
    assert int(kernel.value("counter")) == 1
    assert cell.result == "1" or "500" in cell.traceback
