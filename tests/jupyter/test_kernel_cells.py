"""Cells in both modes: values, errors, the queue behind an error, what a front end may ask for."""

from __future__ import annotations

import re
import uuid

import pytest
from frontend import Cell, Frontend

from engee_kernel.emulator.process import LocalEngee

EMPTY = ["", "   ", "\n\n\t\n"]


def test_a_value(kernel: Frontend) -> None:
    cell = kernel.run("1+1")
    assert cell.result == "2"
    assert cell.kinds == ["execute_input", "execute_result"]
    assert cell.states == ["busy", "idle"]
    assert cell.status == "ok" and cell.content["user_expressions"] == {} and cell.content["payload"] == []
    count = cell.content["execution_count"]
    assert cell.of("execute_result")[0]["execution_count"] == count
    assert cell.of("execute_input")[0] == {"code": "1+1", "execution_count": count}


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("x = 20\ny = 22\nx + y", "42"),
        ("x + y", "42"),
        ('"Привет, α 😀"', None),
        ("z = 5;", None),
        ("z = 5 ; # quiet", None),
        ("nothing", None),
        ("# a comment", None),
        ("[1, 2, 3]", None),
    ],
)
def test_values_and_what_shows_none(kernel: Frontend, code: str, result: str | None) -> None:
    kernel.run("x = 20; y = 22;")
    cell = kernel.run(code)
    assert cell.status == "ok"
    if "Привет" in code:
        assert cell.result is not None and "Привет, α 😀" in cell.result
    elif code.startswith("["):
        assert cell.result is not None and "1" in cell.result
    else:
        assert cell.result == result


def test_variables_live_from_cell_to_cell(kernel: Frontend) -> None:
    kernel.run("function twice(n)\n    2n\nend")
    assert kernel.run("kept = twice(21)").result == "42"
    assert kernel.value("kept + 1") == "43"


@pytest.mark.parametrize("code", EMPTY)
def test_an_empty_cell_does_nothing(kernel: Frontend, local_engee: LocalEngee, code: str) -> None:
    before = kernel.run("1").content["execution_count"]
    calls = len(local_engee.requests())
    cell = kernel.run(code)
    assert cell.status == "ok" and cell.outputs == []
    assert len(local_engee.requests()) == calls, "nothing was sent"
    assert kernel.run("1").content["execution_count"] <= before + 2


def test_execution_counts(kernel: Frontend) -> None:
    first = kernel.run("1").content["execution_count"]
    assert kernel.run("2").content["execution_count"] == first + 1
    assert kernel.run("error(3)").content["execution_count"] == first + 2
    kernel.run("4", silent=True)
    kernel.run("5", store_history=False)
    assert kernel.run("6").content["execution_count"] == first + 3


def test_a_silent_cell_runs_and_shows_nothing(kernel: Frontend) -> None:
    cell = kernel.run("silent_value = 7", silent=True)
    assert cell.status == "ok"
    assert cell.outputs == []
    assert kernel.value("silent_value") == "7"


# Errors


def test_an_error_of_the_code(kernel: Frontend) -> None:
    cell = kernel.run("function inner()\n    unexisting_variable\nend\ninner()")
    error = cell.error
    assert (error["ename"], error["evalue"]) == ("UndefVarError", "UndefVarError(:unexisting_variable)")
    assert cell.status == "error"
    assert {name: cell.content[name] for name in ("ename", "evalue", "traceback")} == error
    assert cell.kinds == ["execute_input", "error"]
    assert "\x1b[" in error["traceback"][0], "the message is in colour"
    lines = cell.traceback.split("\n")
    assert re.fullmatch("UndefVarError: (unexisting_variable|`unexisting_variable`) not defined( in `Main`)?", lines[0])
    assert "inner" in cell.traceback
    for machinery in ("request_pipeline", "run_user_code", "EngeeLocal", "EngeeKernelAgent"):
        assert machinery not in cell.traceback


def test_the_same_error_is_stored_as_the_same(kernel: Frontend) -> None:
    values = []
    for name in ("one", "two"):  # a method more is a world more
        kernel.run(f"{name}_method(x) = x")
        values.append(kernel.run('sqrt("a")').error["evalue"])
    assert values == ['MethodError(sqrt, ("a",))'] * 2


def test_the_servers_frames_are_folded_into_a_count(plain: Frontend) -> None:
    cell = plain.run("unexisting_variable")
    assert re.search(r"… \d+ more frames inside the Engee server", cell.traceback)


def test_an_error_points_into_the_cell(agent: Frontend) -> None:
    cell = agent.run("a = 1\n\nsqrt(-a)")
    count = cell.content["execution_count"]
    assert cell.error["ename"] == "DomainError"
    assert f"In[{count}]:3" in cell.traceback
    user = cell.traceback.index(f"In[{count}]:3")
    assert "math.jl" not in cell.traceback[user:], "the person's frames come last in Julia's order, none below"


def test_code_that_does_not_parse_runs_nothing(agent: Frontend) -> None:
    agent.run("parsed = 0")
    cell = agent.run("parsed = 1\nx = = 2")
    assert cell.status == "error"
    assert cell.error["ename"] == "ParseError" and ":2" in cell.traceback
    assert agent.value("parsed") == "0"


@pytest.mark.parametrize(
    ("code", "ename"),
    [
        ('error("b")', "ErrorException"),
        ("[1][2]", "BoundsError"),
        ('throw("text")', "String"),
        ("1 ÷ 0", "DivideError"),
    ],
)
def test_errors_of_every_kind(kernel: Frontend, code: str, ename: str) -> None:
    cell = kernel.run(code)
    assert cell.error["ename"] == ename
    assert all(isinstance(line, str) for line in cell.error["traceback"])


def _all_done(kernel: Frontend, cells: list[Cell]) -> None:
    kernel.until(lambda: all(cell.reply is not None for cell in cells), 60, cells)


def test_cells_behind_an_error_run_if_the_front_end_wants_it(kernel: Frontend) -> None:
    failing = kernel.send("error(1)", stop_on_error=False)
    queued = [kernel.send(f"{number}") for number in range(5)]
    _all_done(kernel, [failing, *queued])
    for cell in queued:
        kernel.finish(cell)
    assert failing.status == "error"
    assert [cell.result for cell in queued] == list("01234")


def test_queued_cells_run_in_order(kernel: Frontend) -> None:
    kernel.run("order = Int[];")
    cells = [kernel.send(f"push!(order, {number});") for number in range(20)]
    for cell in cells:
        kernel.finish(cell)
    assert kernel.value("join(order)").strip('"') == "".join(map(str, range(20)))


# Other requests


def test_kernel_info_on_shell_and_control(kernel: Frontend) -> None:
    on_shell = kernel.ask("kernel_info_request")
    assert on_shell.states == ["busy", "idle"]
    info = on_shell.content
    assert info["status"] == "ok" and info["language_info"]["name"] == "julia"
    assert info["language_info"]["file_extension"] == ".jl" and info["protocol_version"].startswith("5.")
    assert "debugger" not in info["supported_features"]
    on_control = kernel.control("kernel_info_request")
    assert on_control["language_info"] == info["language_info"]


@pytest.mark.parametrize("target", [None, "jupyter.widget"])
def test_comm_info(kernel: Frontend, target: str | None) -> None:
    reply = kernel.ask("comm_info_request", **({"target_name": target} if target else {}))
    assert reply.content == {"comms": {}, "status": "ok"}
    assert reply.states == ["busy", "idle"]


def test_a_comm_that_nobody_knows_breaks_nothing(kernel: Frontend) -> None:
    comm = kernel.request("comm_open", comm_id=uuid.uuid4().hex, target_name="jupyter.widget", data={})
    kernel.until(lambda: comm.is_idle, 10)
    assert kernel.run("1+1").result == "2"


def test_history(kernel: Frontend) -> None:
    reply = kernel.ask(
        "history_request",
        hist_access_type="tail",
        n=3,
        output=False,
        raw=True,
        session=0,
        start=0,
        stop=1,
        pattern="",
        unique=False,
    )
    assert reply.content["status"] == "ok" and isinstance(reply.content["history"], list)


@pytest.mark.parametrize(
    ("code", "status"),
    [("1 + 1", "complete"), ("for i in 1:3", "incomplete"), ("1 + ", "incomplete"), ("x = = 2", "invalid")],
)
def test_is_complete_with_the_agent(agent: Frontend, code: str, status: str) -> None:
    content = agent.ask("is_complete_request", code=code).content
    assert content["status"] == status
    assert ("indent" in content) == (status == "incomplete")


def test_is_complete_without_the_agent(plain: Frontend) -> None:
    assert plain.ask("is_complete_request", code="for i in 1:3").content["status"] == "unknown"


def test_completion_without_the_agent_is_empty_and_whole(plain: Frontend) -> None:
    content = plain.ask("complete_request", code="prin", cursor_pos=4).content
    assert content["status"] == "ok" and content["matches"] == []
    assert content["metadata"] == {"_jupyter_types_experimental": []}
    found = plain.ask("inspect_request", code="println", cursor_pos=3, detail_level=0).content
    assert found["status"] == "ok" and found["found"] is False and found["data"] == {}


# Lines that begin with %


@pytest.mark.parametrize("code", ["%nosuchmagic", "%%nosuchmagic\n1", "%%job --nosuch\n1", "%%job 'open\n1", "%%job\n"])
def test_magics_that_are_none(kernel: Frontend, local_engee: LocalEngee, code: str) -> None:
    cell = kernel.run(code)
    assert cell.status == "error" and cell.error["ename"] == "UsageError"
    assert len(cell.error["traceback"]) >= 2, "it says what there is or how to do it"
    assert [call for call in local_engee.requests() if "command" in call["path"]] == []
    assert kernel.run("1+1").result == "2"


@pytest.mark.parametrize("head", ["%%job", "%%job --name Расчёт", '%%job --name "two words"'])
def test_a_job_ends_with_its_result(kernel: Frontend, local_engee: LocalEngee, head: str) -> None:
    cell = kernel.run(f"{head}\na = 5\na * 2")
    assert cell.status == "ok" and cell.result == "10"
    created = [call for call in local_engee.requests() if call["path"].endswith("jobs/create")]
    assert [call["status"] for call in created] == [202]


def test_a_job_that_raises_is_an_error(kernel: Frontend) -> None:
    cell = kernel.run("%%job\nunexisting_variable")
    assert cell.status == "error" and cell.error["ename"] == "UndefVarError"
    assert cell.content["ename"] == "UndefVarError"


def test_a_job_shows_that_it_lives(kernel: Frontend) -> None:
    cell = kernel.run("%%job\nsleep(5); 6 * 7")
    assert cell.result == "42"
    signs = cell.of("display_data", "update_display_data")
    assert len(signs) >= 2
    assert all("running for" in sign["data"]["text/plain"] for sign in signs)
    assert len({sign["transient"]["display_id"] for sign in signs}) == 1
    assert [output["kind"] for output in cell.outputs] == ["execute_result"], "gone in the end"


def test_a_silent_quarter_minute_is_not_silent_for_the_person(kernel: Frontend) -> None:
    cell = kernel.send("sleep(4)")
    kernel.until(lambda: cell.of("display_data"), 10)
    assert "running for" in cell.of("display_data")[0]["data"]["text/plain"]
    kernel.finish(cell)
    assert cell.status == "ok" and cell.outputs == []


@pytest.mark.parametrize(("code", "value"), [("%(5, 3)", "2"), ("  %(7, 4) + 1", "4"), ("%time 1;\n%(9, 5)", "4")])
def test_a_cell_may_begin_with_the_remainder(agent: Frontend, code: str, value: str) -> None:
    assert agent.run(code).of("execute_result")[-1]["data"]["text/plain"] == value


def test_the_remainder_is_completed_and_looked_up_as_julia(agent: Frontend) -> None:
    agent.run("1")
    assert "println" in agent.ask("complete_request", code="%(printl", cursor_pos=8).content["matches"]
    for code, status in (("%(5, 3)", "complete"), ("%(5,", "incomplete")):
        answers = (agent.ask("is_complete_request", code=code).content["status"] for _ in range(20))
        assert next(answer for answer in answers if answer != "unknown") == status, "unknown is for a late answer"


@pytest.mark.parametrize("code", ["%nosuch", "%%nosuch\n1", "%jobs(1)", "%счёт", "%", "%%"])
def test_what_begins_with_letters_is_a_magic(agent: Frontend, code: str) -> None:
    cell = agent.run(code)
    assert cell.error["ename"] == "UsageError" and "There is no magic" in cell.error["evalue"]


def test_magics_are_offered_before_their_first_letter(agent: Frontend) -> None:
    for code, expected in (("%", {"%jobs", "%%job"}), ("%%", {"%%job"}), ("%jo", {"%jobs"})):
        matches = set(agent.ask("complete_request", code=code, cursor_pos=len(code)).content["matches"])
        assert expected <= matches and all(match.startswith(code) for match in matches)
