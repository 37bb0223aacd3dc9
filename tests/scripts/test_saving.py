"""A script in a notebook editor: what its saving changes in the file, and what it must not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from engee_kernel.facts.errors import ScriptError
from engee_kernel.scripts.format import CELL_FIELDS, NOTEBOOK_FIELDS, OUTPUT_FIELDS, result_count
from engee_kernel.scripts.saving import saved_script

PENDULUM = (Path(__file__).parent / "pendulum.ngscript").read_text(encoding="utf-8")
ENGEE = {"name": "engee", "display_name": "Engee (Julia)", "language": "julia"}


def opened(text: str) -> dict[str, Any]:
    """As JupyterLab has it in its hands: fields that it does not know are gone, the kernel is the one that runs."""
    notebook: dict[str, Any] = json.loads(json.dumps(nbformat.reads(text, as_version=4)))
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            keep(output, OUTPUT_FIELDS[output["output_type"]])
        keep(cell, CELL_FIELDS[cell["cell_type"]])
        if cell["cell_type"] == "code":
            # 0 is no count there; the extension shows the result's
            cell["execution_count"] = result_count(cell)
        cell["metadata"]["trusted"] = True
    keep(notebook, NOTEBOOK_FIELDS)
    notebook["metadata"] |= {"kernelspec": ENGEE, "language_info": {"name": "julia", "version": "1"}}
    return notebook


def keep(item: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in set(item) - set(names):
        del item[name]


def with_unknown_fields() -> str:
    script = json.loads(PENDULUM)
    script["engee_version"] = "26.9.2"
    script["cells"][1]["mask_hidden"] = True
    script["cells"][1]["outputs"][0]["engee"] = {"height": 120}
    return json.dumps(script, indent=4, ensure_ascii=False) + "\n"


def without_counts() -> str:
    script = json.loads(PENDULUM)
    script["cells"][1]["execution_count"] = None
    return json.dumps(script)


@pytest.mark.parametrize("text", [PENDULUM, with_unknown_fields(), without_counts()])
@pytest.mark.filterwarnings("ignore:.*validat")
def test_what_was_not_edited_is_saved_byte_for_byte(text: str) -> None:
    assert saved_script(opened(text), text, "a.ngscript") == text


def test_only_what_was_edited_differs() -> None:
    text = with_unknown_fields()
    notebook = opened(text)
    notebook["cells"][2]["source"] = "1 + 1"
    notebook["cells"][2]["execution_count"] = 3
    notebook["cells"][2]["outputs"] = [
        {"output_type": "execute_result", "data": {"text/plain": "2"}, "metadata": {}, "execution_count": 3}
    ]
    expected = json.loads(text)
    expected["cells"][2] |= {"source": "1 + 1", "outputs": notebook["cells"][2]["outputs"], "execution_count": 0}
    saved = saved_script(notebook, text, "a.ngscript")
    assert json.loads(saved) == expected
    assert list(json.loads(saved)) == list(expected), "the fields stand where they stood"


def test_cells_that_came_and_went_are_those_of_the_editor() -> None:
    notebook = opened(PENDULUM)
    new = {"id": "new", "cell_type": "code", "metadata": {}, "source": "x", "outputs": [], "execution_count": None}
    notebook["cells"] = [notebook["cells"][3], new, notebook["cells"][1]]
    saved = json.loads(saved_script(notebook, PENDULUM, "a.ngscript"))
    before = json.loads(PENDULUM)
    assert [cell["id"] for cell in saved["cells"]] == [before["cells"][3]["id"], "new", before["cells"][1]["id"]]
    assert saved["cells"][2] == before["cells"][1]
    assert saved["metadata"] == before["metadata"]


@pytest.mark.parametrize("before", [None, "", "no script", '{"nbformat": 3}'])
def test_a_script_that_is_new_is_one_of_engees(before: str | None) -> None:
    notebook = opened(PENDULUM)
    del notebook["metadata"]["engee"]
    saved = json.loads(saved_script(notebook, before, "a.ngscript"))
    assert saved["metadata"]["engee"] == {}
    assert saved["metadata"]["kernelspec"]["name"] == "ijulia-1.9"
    assert "trusted" not in json.dumps(saved)
    assert [cell["source"] for cell in saved["cells"]] == [cell["source"] for cell in notebook["cells"]]


def test_a_notebook_of_another_language_is_refused() -> None:
    notebook = opened(PENDULUM)
    notebook["metadata"]["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    with pytest.raises(ScriptError, match=r"a\.ngscript is a notebook in python"):
        saved_script(notebook, PENDULUM, "a.ngscript")
