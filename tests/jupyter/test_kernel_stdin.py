"""Prompts: a line typed by the person reaches the code, a password shows nowhere, an interrupt ends the waiting."""

from __future__ import annotations

import secrets

import pytest
from frontend import Cell, Frontend

from engee_kernel.emulator.process import LocalEngee


@pytest.fixture(autouse=True)
def _no_answers_left(agent: Frontend) -> None:
    agent.on_input = None
    agent.input_requests.clear()


def prompted(kernel: Frontend, code: str, count: int = 1) -> Cell:
    """A cell that waits at its prompt."""
    cell = kernel.send(code, allow_stdin=True)
    kernel.until(lambda: len(kernel.input_requests) >= count, 30, cell)
    return cell


def test_a_line_is_read(agent: Frontend) -> None:
    cell = prompted(agent, 'print("Имя: "); name = readline(); println("Привет, $(name)!"); length(name)')
    request = agent.input_requests[0]
    assert request["content"]["password"] is False
    assert request["parent_header"]["msg_id"] == cell.msg_id
    agent.answer("Анна α 😀")
    agent.finish(cell)
    assert cell.text().endswith("Привет, Анна α 😀!\n")
    assert cell.result == "8"


def test_several_lines(agent: Frontend) -> None:
    answers = iter(["1", "2", "3"])
    agent.on_input = lambda content: next(answers)
    assert agent.run("sum(parse(Int, readline()) for _ in 1:3)", allow_stdin=True).result == "6"
    assert len(agent.input_requests) == 3


def test_an_empty_line_is_an_empty_line(agent: Frontend) -> None:
    agent.on_input = lambda content: ""
    assert agent.run('readline() == ""', allow_stdin=True).result == "true"


def test_a_password_shows_nowhere(agent: Frontend, local_engee: LocalEngee) -> None:
    password = "пароль-" + secrets.token_urlsafe()
    agent.on_input = lambda content: password
    cell = agent.run(
        'secret = Base.getpass("Пароль"); n = length(read(secret, String)); Base.shred!(secret); n', allow_stdin=True
    )
    assert cell.result == str(len(password)), cell
    (request,) = agent.input_requests
    assert request["content"]["password"] is True and "Пароль" in request["content"]["prompt"]
    assert not any(password in text for text in agent.texts())
    assert password not in str(local_engee.requests())


def test_an_interrupt_ends_the_waiting_and_the_late_answer_is_nobodys(agent: Frontend) -> None:
    cell = prompted(agent, "stale = readline()")
    agent.interrupt()
    agent.finish(cell, 20)
    assert cell.status == "error" and cell.error["ename"] == "InterruptException"
    agent.answer("stale")
    following = prompted(agent, "readline()", count=2)
    agent.pause(0.5)
    assert following.reply is None, "a stale answer was taken"
    agent.answer("fresh")
    assert agent.finish(following).result == '"fresh"'


def test_without_allow_stdin_the_code_gets_an_error(agent: Frontend) -> None:
    cell = agent.run("readline()", allow_stdin=False, timeout_s=20)
    assert cell.status == "error" and "input" in cell.traceback
    assert agent.input_requests == []


def test_output_comes_before_the_prompt(agent: Frontend) -> None:
    cell = prompted(agent, 'println("first"); readline()')
    agent.until(lambda: cell.text() == "first\n", 5)
    agent.answer("x")
    agent.finish(cell)


def test_while_a_prompt_is_open_there_is_no_sign_of_life(agent: Frontend) -> None:
    cell = prompted(agent, "readline()")
    agent.pause(4)
    assert cell.of("display_data") == []
    agent.answer("x")
    agent.finish(cell)


def test_a_prompt_survives_a_lost_connection(agent: Frontend, local_engee: LocalEngee) -> None:
    cell = prompted(agent, "readline()")
    local_engee.faults({"kind": "drop_after", "path": "external", "count": 3})
    agent.pause(1)
    agent.answer("through")
    assert agent.finish(cell).result == '"through"'
    assert len(agent.input_requests) == 1, "asked once"


def test_a_long_line(agent: Frontend) -> None:
    line = "α" * 50_000
    agent.on_input = lambda content: line
    assert agent.run("length(readline())", allow_stdin=True).result == "50000"


def test_the_next_cell_runs_after_a_prompt(agent: Frontend) -> None:
    agent.on_input = lambda content: "x"
    agent.run("readline()", allow_stdin=True)
    assert agent.run("1+1").result == "2"
