"""What a script is as a notebook and what a notebook is as a script, and what is refused."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from engee_kernel.facts.errors import ScriptError
from engee_kernel.scripts import to_notebook, to_script

PENDULUM = (Path(__file__).parent / "pendulum.ngscript").read_text(encoding="utf-8")
OURS = "engee_kernel"


def counts(text: str) -> list[int | None]:
    return [cell["execution_count"] for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]


def changed(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")]


def saved(notebook: Any) -> str:
    """As JupyterLab's server saves it."""
    return str(nbformat.writes(notebook)) + "\n"


def test_a_script_is_a_notebook_of_this_kernel() -> None:
    notebook = json.loads(to_notebook(PENDULUM))
    nbformat.validate(notebook)
    metadata = notebook["metadata"]
    assert metadata["kernelspec"] == {"display_name": "Engee (Julia)", "language": "julia", "name": "engee"}
    assert metadata["engee"] == {"theme": "light", "hidden_code": False}
    assert metadata[OURS]["metadata"]["kernelspec"]["name"] == "ijulia-1.9"
    assert metadata["language_info"]["version"] == "1.9.3"
    assert [cell["id"][:8] for cell in notebook["cells"]] == ["0a8c7a36", "5b8e61b4", "c0b1e7f2", "f2a9d6c4"]
    assert '# @param {type:"slider", min:0, max:20, step:0.1}' in notebook["cells"][1]["source"]


def test_counts_are_the_results_own_in_a_notebook() -> None:
    """0 would read as a count there. What has no result has no known count."""
    notebook = to_notebook(PENDULUM)
    assert counts(notebook) == [12, None, None]
    assert counts(to_script(notebook)) == [0, 0, None]


def test_a_session_in_jupyterlab_changes_what_was_edited_alone() -> None:
    """JupyterLab fills language_info, runs cells, saves in a layout of its own."""
    notebook = nbformat.reads(to_notebook(PENDULUM), as_version=4)
    notebook.metadata.language_info = {"name": "julia", "version": "1", "file_extension": ".jl"}
    notebook.metadata.kernelspec.display_name = "Engee"
    cell = notebook.cells[2]
    cell.source, cell.execution_count = 'println("иначе")', 3
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="иначе\n")]
    script = to_script(saved(notebook))
    assert changed(PENDULUM, script) == [
        '-      "source": "println(\\"T = \\", round(2π * sqrt(L / g), digits = 3), \\" с\\")",',
        '+      "source": "println(\\"иначе\\")",',
        '-          "text": "T = 1.419 с\\n"',
        '+          "text": "иначе\\n"',
    ]


def test_a_notebook_saved_and_not_edited_is_the_same_script() -> None:
    assert to_script(saved(nbformat.reads(to_notebook(PENDULUM), as_version=4))) == PENDULUM


def test_a_cell_that_ran_for_the_first_time_has_the_count_0() -> None:
    notebook = json.loads(to_notebook(PENDULUM))
    notebook["cells"][3] |= {"execution_count": 1, "source": "1"}
    assert counts(to_script(json.dumps(notebook))) == [0, 0, 0]


def test_a_new_notebook_becomes_a_script() -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# T"), nbformat.v4.new_code_cell("x = 1", execution_count=4)],
        metadata={"kernelspec": {"name": "engee", "display_name": "Engee (Julia)", "language": "julia"}},
    )
    script = json.loads(to_script(saved(notebook)))
    nbformat.validate(script)
    assert script["metadata"]["kernelspec"] == {
        "name": "ijulia-1.9",
        "display_name": "IJulia 1.9.3",
        "language": "julia",
    }
    assert script["metadata"]["engee"] == {}
    assert script["cells"][1]["execution_count"] == 0
    assert to_notebook(json.dumps(script, indent=4)) == saved(notebook)


def test_an_older_notebook_gets_ids_and_loses_them_again() -> None:
    notebook = {
        "cells": [{"cell_type": "code", "execution_count": 2, "metadata": {}, "outputs": [], "source": ["x = 1"]}],
        "metadata": {"kernelspec": {"name": "julia-1.10", "display_name": "Julia 1.10.0", "language": "julia"}},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    text = json.dumps(notebook, indent=1) + "\n"
    script = json.loads(to_script(text))
    nbformat.validate(script)
    assert (script["nbformat_minor"], script["cells"][0]["id"]) == (5, "cell-1")
    assert to_notebook(json.dumps(script)) == text
    script["cells"].append({**script["cells"][0], "id": "new", "metadata": {}})
    again = json.loads(to_notebook(json.dumps(script)))
    nbformat.validate(again)
    assert [cell["id"] for cell in again["cells"]] == ["cell-1", "new"]


def test_what_engee_changed_in_a_script_made_here_is_kept() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1", execution_count=4)])
    script = json.loads(to_script(saved(notebook)))
    script["metadata"]["engee"] = {"theme": "dark"}
    result = {"output_type": "execute_result", "execution_count": 9, "data": {"text/plain": "1"}, "metadata": {}}
    script["cells"][0]["outputs"] = [result]
    again = json.loads(to_notebook(json.dumps(script)))
    assert again["metadata"] == {"engee": {"theme": "dark"}}
    assert again["cells"][0]["execution_count"] == 9
    assert again["cells"][0]["outputs"] == [result]


def test_outputs_that_are_cleared_are_gone() -> None:
    """Nothing that a cell has put out is kept for the way back."""
    script = json.loads(PENDULUM)
    script["cells"][1]["outputs"][0] |= {"seen_by": "Engee"}
    script["cells"][1]["outputs"][0]["data"] = {"text/plain": "СЕКРЕТ-1", "application/json": {"СЕКРЕТ-2": 1}}
    text = json.dumps(script, ensure_ascii=False).replace("СЕКРЕТ-1", "СЕКРЕТ\\u002d1")
    notebook = json.loads(to_notebook(text))
    notebook["cells"][1]["outputs"] = []
    assert "СЕКРЕТ" not in json.dumps(notebook, ensure_ascii=False)
    assert json.loads(to_script(json.dumps(notebook)))["cells"][1]["outputs"] == []


def test_fields_of_an_output_do_not_pass_to_the_next_one() -> None:
    script = json.loads(PENDULUM)
    script["cells"][2]["outputs"][0]["took_ms"] = 3
    notebook = json.loads(to_notebook(json.dumps(script)))
    assert "took_ms" not in notebook["cells"][2]["outputs"][0]
    assert json.loads(to_script(json.dumps(notebook))) == script
    notebook["cells"][2]["outputs"][0]["text"] = "T = 2\n"
    again = json.loads(to_script(json.dumps(notebook)))
    assert again["cells"][2]["outputs"] == [{"output_type": "stream", "name": "stdout", "text": "T = 2\n"}]


def test_a_note_that_was_spoilt_costs_the_looks_alone() -> None:
    for spoilt in ({"item": "x"}, {"indent": "}"}, {"order": 5}, {"escapes": {"ascii": 1}}, 7, None):
        notebook = json.loads(to_notebook(PENDULUM))
        notebook["metadata"][OURS]["layout"] = spoilt
        assert json.loads(to_script(json.dumps(notebook))) == json.loads(PENDULUM)


def test_numbers_keep_their_digits() -> None:
    script = PENDULUM.replace('"hidden_code": false', '"zoom": 1.50, "big": 123456789012345678901234567890, "e": 1E400')
    assert to_script(to_notebook(script)) == script
    notebook = json.loads(to_notebook(script), parse_float=str)
    assert (notebook["metadata"]["engee"]["zoom"], notebook["metadata"]["engee"]["e"]) == ("1.50", "1E400")


def with_metadata(**metadata: Any) -> str:
    return json.dumps(json.loads(PENDULUM) | {"metadata": metadata})


PYTHON = {"name": "python3", "display_name": "Python 3", "language": "python"}


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("", "no JSON", "cut off"),
        (PENDULUM[:-40], r"no JSON: .*line \d+, column \d+", "cut off"),
        ("﻿﻿{}", "no JSON", "cut off"),
        ("[" * 100_000, "nested too deeply", "Expected"),
        (PENDULUM.replace("false", "NaN"), "the number NaN", "Save it again"),
        (PENDULUM.replace('"hidden_code"', '"theme"'), "“theme” twice", "Save it again"),
        ("[1]", "no script and no notebook", "Expected"),
        ('{"cells": []}', "no “nbformat”", "Expected"),
        ('{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}', "format 3", "jupyter nbconvert"),
        (PENDULUM.replace('"nbformat": 4', '"nbformat": 5'), "format 5", "newer"),
        (with_metadata(kernelspec=PYTHON), "notebook in python", "choose the Engee kernel"),
        (with_metadata(language_info={"name": "R"}), "notebook in R", "choose the Engee kernel"),
        (with_metadata(kernelspec={"name": "xcpp17", "display_name": "C++"}), "“xcpp17”", "Choose the Engee kernel"),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": {}}', "cells is not a list", "Save it again"),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "cells is not a list", "Save it again"),
        ('{"nbformat": 4, "metadata": [], "cells": []}', "metadata is not an object", "Save it again"),
        ('{"nbformat": 4, "cells": [{"cell_type": "code", "source": [1]}]}', r"cells\[0\].source", "Save it again"),
        ('{"nbformat": 4, "cells": [{"cell_type": "code", "outputs": [{}]}]}', r"outputs\[0\]", "Save it again"),
    ],
)
@pytest.mark.parametrize("convert", [to_notebook, to_script])
def test_what_is_no_julia_notebook_is_refused(convert: Any, text: str, said: str, hint: str) -> None:
    with pytest.raises(ScriptError, match=said) as caught:
        convert(text, "модель.ngscript")
    assert caught.value.message.startswith("модель.ngscript ")
    assert hint in caught.value.hint


@pytest.mark.parametrize("name", ["julia-1.10", "engee", "engee-test", "ijulia-1.9", "Julia"])
def test_kernels_of_julia_need_not_say_so(name: str) -> None:
    text = with_metadata(kernelspec={"name": name, "display_name": "?"})
    assert to_script(to_notebook(text)) == text
