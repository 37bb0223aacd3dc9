"""What is left of a cell's output when its page was reloaded, closed or out of reach: by the page's model and the file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Notebook, OpenNotebook

pytestmark = [pytest.mark.browser, pytest.mark.julia, pytest.mark.timeout(180)]

LINES = 'for i in 0:79; println("line ", i); sleep(0.1); end'


def stream(outputs: list[dict[str, Any]], name: str = "stdout") -> str:
    return "".join("".join(output["text"]) for output in outputs if output.get("name") == name)


def saved_cell(notebook: Notebook, index: int) -> dict[str, Any]:
    cell: dict[str, Any] = json.loads(notebook.saved())["cells"][index]
    return cell


def assert_lines(notebook: Notebook, index: int = 0, lines: int = 80, count: int = 1) -> None:
    expected = "".join(f"line {number}\n" for number in range(lines))
    assert stream(notebook.outputs(index)) == expected
    saved = saved_cell(notebook, index)
    assert stream(saved["outputs"]) == expected
    assert saved["execution_count"] == count
    assert notebook.prompt(index) == f"[{count}]:"


def test_a_reload_in_the_middle_loses_nothing(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("reload-middle", LINES)
    notebook.run_cell(0)
    notebook.wait_for_outputs(0, "line 20")
    notebook.reload()
    notebook.wait_for_prompt(0, "[*]:")
    notebook.wait_for_outputs(0, "line 79")
    notebook.wait_for_prompt(0, "[1]:")
    assert_lines(notebook)
