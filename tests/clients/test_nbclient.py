"""nbclient, which nbconvert, papermill and jupyter run are made of."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbformat.v4 import new_code_cell

from .conftest import notebook_of, tagged, text_of

pytestmark = [pytest.mark.julia]


def execute(notebook: nbformat.NotebookNode, environment: dict[str, str], **options: Any) -> None:
    client = NotebookClient(notebook, kernel_name="engee", **{"timeout": 60, "coalesce_streams": True, **options})
    client.execute(env=environment)


def kinds(cell: nbformat.NotebookNode) -> list[str]:
    return [output["output_type"] for output in cell.outputs]


def test_outputs_of_every_kind_are_kept_in_order(environment: dict[str, str]) -> None:
    notebook = notebook_of(
        'println("α"); println(stderr, "warned"); display("text/html", "<b>x</b>"); 6 * 7',
        "%help",
        'for i in 1:20; print("\\r$i of 20"); end; println()',
        "sleep(4)",
        "%lsmagic",
    )
    execute(notebook, environment)
    first = notebook.cells[0]
    assert kinds(first) == ["stream", "stream", "display_data", "execute_result"]
    assert text_of(first.outputs) == "α\nwarned\n42"
    assert first.outputs[2]["data"] == {"text/html": "<b>x</b>"}
    assert first.execution_count == 1 and notebook.cells[4].execution_count == 5
    assert text_of(notebook.cells[2].outputs) == "20 of 20\n"
    assert notebook.cells[3].outputs == [], "the sign of life leaves nothing in the notebook"
    assert "%%job" in text_of(notebook.cells[4].outputs)
    nbformat.validate(notebook)


def test_an_error_stops_the_run(environment: dict[str, str]) -> None:
    notebook = notebook_of("x = 1", "f(x) = sqrt(-x)\nf(x)", "x = 2")
    with pytest.raises(CellExecutionError, match="DomainError") as caught:
        execute(notebook, environment)
    assert caught.value.ename == "DomainError" and "In[2]:1" in caught.value.traceback
    assert kinds(notebook.cells[1]) == ["error"]
    assert notebook.cells[2].outputs == [] and notebook.cells[2].execution_count is None


def test_errors_can_be_allowed_for_all_cells_or_for_one(environment: dict[str, str]) -> None:
    expected = tagged('error("expected")', "raises-exception")
    notebook = notebook_of(expected, "1 + 1")
    execute(notebook, environment)
    assert kinds(notebook.cells[0]) == ["error"] and text_of(notebook.cells[1].outputs) == "2"
    notebook = notebook_of('error("one")', "2 + 2", "undefined_name", "3 + 3")
    execute(notebook, environment, allow_errors=True)
    assert [kinds(cell) for cell in notebook.cells] == [["error"], ["execute_result"]] * 2


def test_what_asks_for_input_says_that_nobody_answers(environment: dict[str, str]) -> None:
    notebook = notebook_of('name = readline(); println("hello ", name)')
    started = time.monotonic()
    with pytest.raises(CellExecutionError) as caught:
        execute(notebook, environment)
    assert time.monotonic() - started < 40
    assert "input" in caught.value.evalue.lower()


def test_what_a_time_limit_ends_goes_on_in_engee(environment: dict[str, str]) -> None:
    notebook = notebook_of("1", 'println("begun"); sleep(12); println("ended"); 6 * 7')
    with pytest.raises(CellTimeoutError):
        execute(notebook, environment, timeout=4)
    assert text_of(notebook.cells[1].outputs) == "begun\n"
    # nbclient has shut the kernel down; a new one finds the cell again
    after = notebook_of("%jobs attach")
    execute(after, environment)
    own = [output for output in after.cells[0].outputs if output.get("name") != "stderr"]
    (remark,) = [output for output in after.cells[0].outputs if output.get("name") == "stderr"]
    assert "Cell [2] of a notebook in this folder still runs in Engee" in remark["text"]
    assert text_of(own) == "begun\nended\n42"


def test_a_time_limit_that_interrupts_goes_on_with_the_next_cell(environment: dict[str, str]) -> None:
    cells = notebook_of("1", new_code_cell("sleep(600)"), "6 * 7")
    execute(cells, environment, timeout=4, interrupt_on_timeout=True, allow_errors=True)
    error = cells.cells[1].outputs[-1]
    assert (error["output_type"], error["ename"]) == ("error", "InterruptException")
    assert text_of(cells.cells[2].outputs) == "42"


async def test_two_notebooks_at_once_keep_their_outputs_apart(environment: dict[str, str]) -> None:
    notebooks = [notebook_of(f'for i in 1:5; println("{name} $i"); sleep(0.1); end') for name in ("a", "b")]
    clients = [NotebookClient(notebook, kernel_name="engee", timeout=60) for notebook in notebooks]
    await asyncio.gather(*(client.async_execute(env=environment) for client in clients))
    texts = [text_of(notebook.cells[0].outputs) for notebook in notebooks]
    assert texts == ["".join(f"{name} {number}\n" for number in range(1, 6)) for name in ("a", "b")]
