"""Completion and inspection: right offsets, and answered while a cell runs."""

from __future__ import annotations

import time
import uuid

import pytest
from frontend import Cell, Frontend, Message

from engee_kernel.emulator.process import LocalEngee

SOON_S = 3.0  # a front end gives up after one or two; the machine may be busy


def completion(kernel: Frontend, code: str, cursor_pos: int | None = None) -> Message:
    at = len(code) if cursor_pos is None else cursor_pos
    return kernel.ask("complete_request", code=code, cursor_pos=at).content


def test_a_name_is_completed(agent: Frontend) -> None:
    content = completion(agent, "x = printl")
    assert "println" in content["matches"]
    assert (content["cursor_start"], content["cursor_end"]) == (4, 10)
    types = content["metadata"]["_jupyter_types_experimental"]
    assert [one["text"] for one in types] == content["matches"]
    found = types[content["matches"].index("println")]
    assert found["type"] == "function" and (found["start"], found["end"]) == (4, 10)


def test_own_names_are_completed(agent: Frontend) -> None:
    agent.run("completed_here = 1; struct Bike; wheels; bell; end; bike = Bike(2, 1)")
    assert "completed_here" in completion(agent, "completed_h")["matches"]
    assert {"wheels", "bell"} <= set(completion(agent, "bike.")["matches"])


@pytest.mark.parametrize("before", ["α + ", "😀 = 1; ", '"Привет 😀😀"; ', "\n\n  "])
def test_offsets_count_characters(agent: Frontend, before: str) -> None:
    code = before + "printl"
    content = completion(agent, code)
    assert code[content["cursor_start"] : content["cursor_end"]] == "printl"
    assert "println" in content["matches"]
    behind = completion(agent, code + " # α😀", len(code))
    assert (behind["cursor_start"], behind["cursor_end"]) == (content["cursor_start"], content["cursor_end"])


def test_latex_becomes_a_letter(agent: Frontend) -> None:
    content = completion(agent, "😀; \\alpha")
    assert content["matches"] == ["α"]
    assert (content["cursor_start"], content["cursor_end"]) == (3, 9)


def test_of_a_method_the_rest_of_the_call_is_inserted(agent: Frontend) -> None:
    agent.run("called_here(x::Int, y) = 1")
    code = '"😀"\nx = 1\ncalled_here('
    content = completion(agent, code + " # α", len(code))
    assert content["matches"] == ["x::Int64, y)"]
    assert (content["cursor_start"], content["cursor_end"]) == (len(code), len(code))
    (one,) = content["metadata"]["_jupyter_types_experimental"]
    assert one == {
        "start": len(code),
        "end": len(code),
        "text": content["matches"][0],
        "type": "method",
        "signature": "",
    }


def test_vs_code_is_given_labels_that_it_can_find(agent: Frontend) -> None:
    """Through a Jupyter server, where nothing but its cells' ids tells that it is VS Code."""
    header = {"username": "", "session": str(uuid.uuid4())}
    code = 'a = "🚀"; \\alpha'
    asked = {"code": code, "cursor_pos": len(code) + 1}  # in UTF-16, one of VS Code's habits
    metadata = {"cellId": "vscode-notebook-cell:/home/me/model.ipynb#W2sZmlsZQ%3D%3D"}
    run = {"code": "1", "silent": False, "stop_on_error": False, "allow_stdin": True}
    agent.finish(agent.request("execute_request", header, metadata, **run))
    content = agent.finish(agent.request("complete_request", header, **asked)).content
    assert content["matches"] == ["\\alpha"]
    assert [one["text"] for one in content["metadata"]["_jupyter_types_experimental"]] == ["α"]
    assert (content["cursor_start"], content["cursor_end"]) == (10, 16)


@pytest.mark.parametrize(
    ("code", "cursor"), [("", 0), ("   ", 2), ("x", 99), ("((((", 4), ('"', 1), ("zzzznothing", 11), ("x", -1)]
)
def test_where_nothing_is_found_the_reply_is_whole(agent: Frontend, code: str, cursor: int) -> None:
    content = completion(agent, code, cursor)
    assert content["status"] == "ok" and "_jupyter_types_experimental" in content["metadata"]
    assert 0 <= content["cursor_start"] <= content["cursor_end"] <= max(len(code), cursor)


def test_inspection(agent: Frontend) -> None:
    agent.run('"Doubles. Удваивает."\ndoubled(x) = 2x')
    for code, cursor, words in (("println", 3, "println"), ("α = doubled(1)", 7, "Удваивает"), ("nosuchthing", 4, "")):
        content = agent.ask("inspect_request", code=code, cursor_pos=cursor, detail_level=0).content
        assert content["status"] == "ok" and content["found"] is bool(words)
        assert words in content["data"].get("text/plain", "")


@pytest.mark.parametrize("code", ["sleep(6)", "%%job\nsleep(6)"], ids=["cell", "job"])
def test_questions_are_answered_while_a_cell_runs(agent: Frontend, code: str) -> None:
    agent.run("1")
    cell = agent.send(code)
    agent.pause(1)
    for kind, options in (
        ("complete_request", {"code": "printl", "cursor_pos": 6}),
        ("inspect_request", {"code": "println", "cursor_pos": 3, "detail_level": 0}),
        ("is_complete_request", {"code": "1 +"}),
        ("kernel_info_request", {}),
        ("comm_info_request", {}),
    ):
        began = time.monotonic()
        question = agent.ask(kind, **options)
        assert time.monotonic() - began < SOON_S, kind
        assert cell.reply is None, "it was answered behind the cell"
        assert question.status == "ok" or kind == "is_complete_request"
        assert question.states == ["busy", "idle"]
        if kind == "complete_request":
            assert "println" in question.content["matches"]
    agent.interrupt()
    agent.finish(cell, 20)


def test_questions_do_not_disturb_the_output(agent: Frontend) -> None:
    cell = agent.send("for i in 1:30 println(i); sleep(0.05) end")
    for _ in range(10):
        completion(agent, "printl")
    agent.finish(cell)
    assert cell.text() == "".join(f"{number}\n" for number in range(1, 31))
    assert set(cell.states[:-1]) == {"busy"} and cell.states[-1] == "idle"


@pytest.mark.parametrize("kind", ["complete_request", "kernel_info_request", "control"])
def test_behind_a_question_the_kernel_is_shown_as_busy_while_a_cell_runs(agent: Frontend, kind: str) -> None:
    """A page shows the state that came last, e.g. behind its own question when it is loaded again."""
    agent.run("1")
    cell = agent.send("sleep(3)")
    agent.pause(1)
    states = agent.all_states
    if kind == "control":
        agent.control("kernel_info_request")
    else:
        agent.ask(kind, **({"code": "printl", "cursor_pos": 6} if kind == "complete_request" else {}))
    agent.pause(0.5)
    assert cell.reply is None
    asked, shown = states[-2:], cell.states
    assert shown == ["busy", "busy"] and [state for state, _ in states[-3:]] == ["busy", "idle", "busy"], states
    assert asked[1] == ("busy", cell.msg_id)
    agent.finish(cell)
    assert states[-1] == ("idle", cell.msg_id)
    agent.ask("kernel_info_request")
    agent.pause(0.3)
    assert states[-1][0] == "idle"


def test_a_comm_that_nobody_serves_is_closed_at_once(agent: Frontend) -> None:
    """Also while a cell runs. Widget managers wait for one or the other."""

    def opened(comm_id: str) -> Cell:
        return agent.request("comm_open", comm_id=comm_id, target_name="jupyter.widget.control", data={})

    comm = opened("idle")
    agent.until(lambda: comm.is_idle, 10, comm)
    assert [content["comm_id"] for content in comm.of("comm_close")] == ["idle"]
    cell = agent.send("sleep(2)")
    agent.pause(0.7)
    comm = opened("busy")
    agent.until(lambda: comm.of("comm_close"), 10, comm)
    assert cell.reply is None
    assert agent.finish(cell).status == "ok"
    assert agent.ask("comm_info_request").content["comms"] == {}
    message = agent.request("comm_msg", comm_id="busy", data={})
    agent.until(lambda: message.is_idle, 10, message)


@pytest.mark.slow
def test_a_question_without_a_network_is_answered_empty(agent: Frontend, local_engee: LocalEngee) -> None:
    local_engee.faults({"kind": "drop_before", "path": "external"})
    content = agent.ask("complete_request", code="printl", cursor_pos=6, timeout_s=30).content
    assert content["status"] == "ok" and content["matches"] == []
    local_engee.faults()
    assert "println" in completion(agent, "printl")["matches"]


def test_docstrings_in_every_form(agent: Frontend) -> None:
    data = agent.ask("inspect_request", code="sqrt", cursor_pos=4, detail_level=1).content["data"]
    assert set(data) == {"text/plain", "text/html", "text/markdown"}
    assert "sqrt(x)" in data["text/plain"] and "<pre><code" in data["text/html"] and "methods:" in data["text/html"]
    shown = agent.run("?sqrt").outputs[-1]["data"]
    assert "sqrt(x)" in shown["text/plain"] and "sqrt(x)" in shown["text/markdown"] and "docs" not in shown
