"""What the kernel tells a page that opens: what its cells have put out, which wait, and what they ask."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from frontend import Cell, Frontend

from engee_kernel.jupyter.pages import TARGET


def send(kernel: Frontend, code: str, cell_id: str, *, silent: bool = False, allow_stdin: bool = False) -> Cell:
    """As JupyterLab sends a cell."""
    content = {"code": code, "silent": silent, "store_history": not silent, "user_expressions": {}}
    return kernel.request(
        "execute_request", metadata={"cellId": cell_id}, allow_stdin=allow_stdin, stop_on_error=True, **content
    )


def told(kernel: Frontend, data: Any) -> list[dict[str, Any]]:
    """What comes back when a page asks that."""
    comm_id = uuid.uuid4().hex
    comm = kernel.request("comm_open", comm_id=comm_id, target_name=TARGET, data=data)
    kernel.until(lambda: comm.is_idle, 10)
    answers = comm.of("comm_msg")
    assert {answer["comm_id"] for answer in answers} <= {comm_id}
    return [answer["data"] for answer in answers]


def runs(kernel: Frontend, *names: str) -> list[dict[str, Any]]:
    """The newest runs of these cells; other tests' cells are there too."""
    (answer,) = told(kernel, {})
    return [run for run in answer["runs"] if run["cell_id"] in names]


def whole(kernel: Frontend, cell: Cell) -> dict[str, Any]:
    (answer,) = told(kernel, {"want": [cell.msg_id]})
    run: dict[str, Any] = answer["run"]
    return run


def text(run: dict[str, Any], name: str = "stdout") -> str:
    contents = [message["content"] for message in run["messages"] if message["kind"] == "stream"]
    return "".join(content["text"] for content in contents if content["name"] == name)


def test_what_a_running_cell_has_put_out_is_told_at_once_and_the_rest_follows(agent: Frontend) -> None:
    code = 'for i in 1:30; println("line $i"); sleep(0.1); end; 7'
    cell, waits = send(agent, code, "runs"), send(agent, "8", "waits")
    agent.until(lambda: "line 5\n" in cell.text(), 60)
    first, second = runs(agent, "runs", "waits")
    assert (first["state"], first["request"], first["code"]) == ("running", cell.msg_id, code)
    assert (second["state"], second["request"], second["count"]) == ("queued", waits.msg_id, None)
    run = whole(agent, cell)
    before = run["published"]
    assert run["messages"] and text(run).startswith("line 1\n")
    agent.finish(waits)
    # the answer's place among the cell's messages: what came before is in it, and nothing else
    published = cell.of("stream", "execute_result")
    assert text(run) == "".join(content["text"] for content in published[:before])
    run = whole(agent, cell)
    assert (run["state"], run["count"], run["published"]) == ("ended", first["count"], len(published))
    assert text(run) == "".join(f"line {number}\n" for number in range(1, 31))
    assert run["messages"][-1] == {"kind": "execute_result", "content": published[-1]}


def test_an_error_is_kept_and_what_it_aborts_is_not(agent: Frontend) -> None:
    failed, aborted = send(agent, 'sleep(0.5); error("no")', "failed"), send(agent, "1", "aborted")
    agent.finish(aborted)
    (run,) = runs(agent, "failed", "aborted")
    assert (run["cell_id"], run["state"]) == ("failed", "ended")
    (message,) = whole(agent, failed)["messages"]
    assert message["kind"] == "error" and message["content"]["evalue"] == 'ErrorException("no")'


def test_cells_without_a_page_are_not_kept(agent: Frontend) -> None:
    agent.finish(send(agent, "1", "vscode-notebook-cell:/home/a.ipynb#W0"))
    agent.finish(send(agent, "1", "silent", silent=True))
    agent.run("1")
    assert runs(agent, "vscode-notebook-cell:/home/a.ipynb#W0", "silent") == []


@pytest.mark.parametrize("data", [None, 1, {"want": None}, {"want": [{}, 1, "unknown"]}, {"forget": ["x"]}])
def test_what_no_page_asks_breaks_nothing(agent: Frontend, data: Any) -> None:
    assert [answer for answer in told(agent, data) if "run" in answer] == []
    assert agent.run("1 + 1").result == "2"


def test_an_open_prompt_is_asked_once_more_and_no_password_is_kept(agent: Frontend) -> None:
    agent.on_input = None
    agent.input_requests.clear()
    code = 'name = readline(); key = Base.getpass("Key"); println(name, " ", length(read(key, String)))'
    cell = send(agent, code, "asks", allow_stdin=True)
    agent.until(lambda: len(agent.input_requests) == 1, 60, cell)
    assert whole(agent, cell)["state"] == "running"
    agent.until(lambda: len(agent.input_requests) == 2, 10, cell)
    first, again = agent.input_requests
    assert again["content"] == first["content"]
    assert again["parent_header"]["msg_id"] == cell.msg_id
    agent.answer("Anna")
    agent.until(lambda: len(agent.input_requests) == 3, 30, cell)
    agent.answer("sesame")
    agent.finish(cell)
    run = whole(agent, cell)
    agent.pause(0.3)
    assert len(agent.input_requests) == 3, "nothing is asked any more"
    assert text(run, "stdin") == " Anna\n" and text(run) == "Anna 6\n"
    assert "sesame" not in str(run)


def test_what_a_page_cleared_is_forgotten(agent: Frontend) -> None:
    agent.finish(send(agent, "1", "cleared"))
    assert told(agent, {"forget": "cleared"}) == []
    assert runs(agent, "cleared") == []
