"""Completion and inspection: right offsets, and answered while a cell runs."""

from __future__ import annotations

import time

import pytest
from frontend import ABORT_WINDOW_S, Frontend, Message

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
    agent.pause(ABORT_WINDOW_S)


def test_questions_do_not_disturb_the_output(agent: Frontend) -> None:
    cell = agent.send("for i in 1:30 println(i); sleep(0.05) end")
    for _ in range(10):
        completion(agent, "printl")
    agent.finish(cell)
    assert cell.text() == "".join(f"{number}\n" for number in range(1, 31))
    assert cell.states == ["busy", "idle"]


@pytest.mark.slow
def test_a_question_without_a_network_is_answered_empty(agent: Frontend, local_engee: LocalEngee) -> None:
    local_engee.faults({"kind": "drop_before", "path": "external"})
    content = agent.ask("complete_request", code="printl", cursor_pos=6, timeout_s=30).content
    assert content["status"] == "ok" and content["matches"] == []
    local_engee.faults()
    assert "println" in completion(agent, "printl")["matches"]
