"""There and back, over scripts made at random: the same bytes; and valid for Jupyter in between."""

from __future__ import annotations

import copy
import json
import logging
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engee_kernel.scripts import to_notebook, to_script

from .scriptmaker import (
    JSON,
    NOTEBOOK_METADATA,
    SCRIPT_METADATA,
    TEXT,
    WORDS,
    laid_out,
    notebooks,
    scrawled,
)

COUNTS = st.one_of(st.none(), st.integers(0, 99))
SCRIPTS = notebooks(metadata=SCRIPT_METADATA, counts=st.one_of(st.just(0), COUNTS))
NOTEBOOKS = notebooks(metadata=NOTEBOOK_METADATA, counts=COUNTS)
ANY_TEXT = (laid_out, scrawled)
quickly = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def saved_by_jupyter(text: str) -> str:
    """Read and written by the library that JupyterLab's server uses."""
    return str(nbformat.writes(nbformat.reads(text.removeprefix("\ufeff"), as_version=4))) + "\n"


def validate(text: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text.removeprefix("\ufeff"))
    nbformat.validate(value)
    return value


@quickly
@given(st.data())
def test_a_script_comes_back_byte_for_byte(data: st.DataObject) -> None:
    script = data.draw(data.draw(st.sampled_from(ANY_TEXT))(data.draw(SCRIPTS)))
    notebook = to_notebook(script)
    validate(notebook)
    assert to_script(notebook) == script


@quickly
@given(st.data())
def test_a_notebook_comes_back_byte_for_byte(data: st.DataObject) -> None:
    notebook = data.draw(data.draw(st.sampled_from(ANY_TEXT))(data.draw(NOTEBOOKS)))
    script = to_script(notebook)
    value = validate(script)
    assert value["metadata"]["kernelspec"]["name"] == "ijulia-1.9"
    assert all(cell["execution_count"] == 0 for cell in value["cells"] if cell["cell_type"] == "code")
    assert to_notebook(script) == notebook


@quickly
@given(st.data())
def test_a_script_comes_back_after_jupyter_has_saved_it(data: st.DataObject) -> None:
    """Jupyter sorts keys, splits texts, indents anew and writes its own escapes."""
    value = data.draw(notebooks(metadata=SCRIPT_METADATA, forms=("string", "lines")))
    script = data.draw(laid_out(value))
    try:
        saved = saved_by_jupyter(to_notebook(script))
    except UnicodeEncodeError:
        return
    assert to_script(saved) == script


@quickly
@given(st.data())
def test_what_the_other_side_does_not_know_is_kept(data: st.DataObject) -> None:
    """Unknown fields, missing ones, kinds of cells that Jupyter does not have."""
    value = data.draw(SCRIPTS)
    unknown = st.dictionaries(WORDS.map("x-{}".format), JSON, max_size=2)
    value |= data.draw(unknown)
    for cell in value["cells"]:
        cell.update(data.draw(unknown))
        for name in data.draw(st.lists(st.sampled_from(["id", "metadata", "outputs", "execution_count"]))):
            cell.pop(name, None)
        for output in cell.get("outputs", ()):
            output.update(data.draw(unknown))
        if data.draw(st.integers(0, 5)) == 0:
            cell["cell_type"] = "engee-mask"
    script = data.draw(data.draw(st.sampled_from(ANY_TEXT))(value))
    notebook = to_notebook(script)
    validate(notebook)
    assert to_script(notebook) == script


@quickly
@given(st.data())
def test_an_edit_changes_the_edited_cell_alone(data: st.DataObject) -> None:
    value = data.draw(notebooks(metadata=SCRIPT_METADATA, forms=("string", "lines")).filter(lambda made: made["cells"]))
    script = json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "replace").decode()
    notebook = nbformat.reads(to_notebook(script), as_version=4)
    number = data.draw(st.integers(0, len(notebook.cells) - 1))
    notebook.cells[number].source = data.draw(TEXT.filter(str.isprintable))
    if notebook.cells[number].cell_type == "code":
        notebook.cells[number].execution_count = 5
        notebook.cells[number].outputs = [nbformat.v4.new_output("execute_result", execution_count=5)]
    after = validate(to_script(nbformat.writes(notebook) + "\n"))
    before = json.loads(script)
    assert after["metadata"] == before["metadata"]
    for at, (one, other) in enumerate(zip(before["cells"], after["cells"], strict=True)):
        if at != number:
            assert json.dumps(one) == json.dumps(other)
        elif one["cell_type"] == "code":
            assert other["execution_count"] == 0
            assert other["outputs"][0]["execution_count"] == 5
        assert list(one) == list(other)


@quickly
@given(st.data())
def test_a_cell_that_is_added_and_one_that_is_removed(data: st.DataObject) -> None:
    value = data.draw(notebooks(metadata=SCRIPT_METADATA).filter(lambda made: made["cells"]))
    notebook = nbformat.reads(to_notebook(json.dumps(value)), as_version=4)
    removed = data.draw(st.integers(0, len(notebook.cells) - 1))
    kept = [cell for at, cell in enumerate(copy.deepcopy(value)["cells"]) if at != removed]
    del notebook.cells[removed]
    notebook.cells.append(nbformat.v4.new_code_cell("y = 1", execution_count=3))
    after = validate(to_script(nbformat.writes(notebook)))
    assert [cell["id"] for cell in after["cells"][:-1]] == [cell["id"] for cell in kept]
    assert after["cells"][-1]["execution_count"] == 0
    assert "".join(after["cells"][-1]["source"]) == "y = 1"


@quickly
@given(st.data())
def test_foreign_notes_are_metadata_like_others(data: st.DataObject) -> None:
    """Somebody else's `engee_kernel`, or a note that was edited, is kept and harms nothing."""
    value = data.draw(SCRIPTS)
    value["metadata"]["engee_kernel"] = data.draw(JSON)
    for cell in value["cells"]:
        cell["metadata"]["engee_kernel"] = data.draw(
            st.one_of(JSON, st.fixed_dictionaries({"fields": JSON, "order": JSON, "added": JSON}))
        )
    script = data.draw(laid_out(value))
    notebook = to_notebook(script)
    validate(notebook)
    assert to_script(notebook) == script


@pytest.fixture(autouse=True)
def quiet() -> None:
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)
