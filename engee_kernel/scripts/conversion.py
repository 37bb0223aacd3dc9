"""A script as a notebook, a notebook as a script: texts to texts.

What a conversion changes it notes down in the metadata of its result; the conversion back undoes that and drops the
note. Nothing of the cells' code and outputs is noted: what a person clears is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import texts
from .format import (
    CELL_FIELDS,
    IDS_SINCE_MINOR,
    NOTEBOOK_FIELDS,
    OUTPUT_FIELDS,
    REQUIRED_OF_CELL,
    REQUIRED_OF_OUTPUT,
    check,
    is_count,
    is_id,
    result_count,
)
from .layout import Layout, render_as_noted
from .notes import NOTE, attach, detach, fingerprint, is_sound, put_back, set_aside
from .spelling import read

VERSION = 1


@dataclass(frozen=True)
class Side:
    """What the notebook's metadata has there: a `kernelspec` in place of another, and `more` where it has none."""

    suffix: str
    kernelspec: dict[str, Any]
    more: dict[str, Any]


NOTEBOOK = Side(
    ".ipynb",
    {"display_name": "Engee (Julia)", "language": "julia", "name": "engee"},
    {"language_info": {"file_extension": ".jl", "mimetype": "text/x-julia", "name": "julia"}},
)
# as Engee itself writes it, whichever Julia it runs
SCRIPT = Side(
    ".ngscript",
    {"display_name": "IJulia 1.9.3", "language": "julia", "name": "ijulia-1.9"},
    {"engee": {}},
)
SIDES = (SCRIPT, NOTEBOOK)
_SWAPPED = ("kernelspec", "language_info")


def to_notebook(text: str, name: str = "The script") -> str:
    """The .ipynb for a .ngscript. Raises ScriptError, where the script is called `name`."""
    return _convert(text, name, SCRIPT, NOTEBOOK)


def to_script(text: str, name: str = "The notebook") -> str:
    """The .ngscript for a .ipynb. Raises ScriptError, where the notebook is called `name`."""
    return _convert(text, name, NOTEBOOK, SCRIPT)


def _convert(text: str, name: str, source: Side, target: Side) -> str:
    notebook = read(text, name)
    check(notebook, name)
    note = notebook.get("metadata", {}).get(NOTE)
    if is_sound(note) and note.get("from") == target.suffix and note.get("version") == VERSION:
        return _back(notebook, target)
    return _forth(notebook, text, source, target)


# There


def _forth(notebook: dict[str, Any], text: str, source: Side, target: Side) -> str:
    layout = Layout.of(text, notebook)
    note: dict[str, Any] = {"from": source.suffix, "version": VERSION}
    if noted := layout.noted():
        note["layout"] = noted
    if forms := texts.forms(notebook):
        note["texts"] = forms
    note |= set_aside(notebook, NOTEBOOK_FIELDS, _required_of_notebook())
    if target is SCRIPT and notebook["nbformat_minor"] < IDS_SINCE_MINOR:
        note["nbformat_minor"] = notebook["nbformat_minor"]
        notebook["nbformat_minor"] = IDS_SINCE_MINOR
    ids = _new_ids(notebook) if notebook["nbformat_minor"] >= IDS_SINCE_MINOR else iter(())
    for cell in notebook["cells"]:
        _cell_forth(cell, target, ids)
    metadata = notebook["metadata"]
    note["metadata"] = {key: metadata[key] for key in _SWAPPED if key in metadata}
    if more := [key for key in target.more if key not in metadata]:
        note["more"] = more
    metadata["kernelspec"] = dict(target.kernelspec)
    for key, value in target.more.items():
        if isinstance(there := metadata.setdefault(key, {}), dict):
            metadata[key] = {**there, **{name: item for name, item in value.items() if name not in there}}
    attach(metadata, note)
    return layout.render(notebook)


def _cell_forth(cell: dict[str, Any], target: Side, ids: Iterator[str]) -> None:
    note: dict[str, Any] = {}
    kind = cell["cell_type"]
    if kind not in CELL_FIELDS:
        note["cell_type"] = kind
        kind = cell["cell_type"] = "raw"
    required = dict(REQUIRED_OF_CELL[kind])
    if "id" not in cell and (new := next(ids, None)) is not None:
        required["id"] = note["id"] = new
    note |= set_aside(cell, CELL_FIELDS[kind], required)
    if kind == "code":
        _count_forth(cell, note, target)
        outputs = {str(at): kept for at, output in enumerate(cell["outputs"]) if (kept := _output_forth(output))}
        if outputs:
            note["outputs"] = outputs
    attach(cell["metadata"], note)


def _output_forth(output: dict[str, Any]) -> dict[str, Any]:
    kind = output["output_type"]
    if kind not in OUTPUT_FIELDS:
        return {}
    kept = set_aside(output, OUTPUT_FIELDS[kind], REQUIRED_OF_OUTPUT[kind])
    if kept:
        kept["of"] = fingerprint(output)
    return kept


def _count_forth(cell: dict[str, Any], note: dict[str, Any], target: Side) -> None:
    """In a script a cell that ran has the count 0, while its result has the real one. What is otherwise is noted."""
    count, result = cell["execution_count"], result_count(cell)
    if target is NOTEBOOK:
        usual = _is_zero(count)
        cell["execution_count"] = result if usual else count if is_count(count) else None
    else:
        usual = count == result and not isinstance(count, bool)
        cell["execution_count"] = 0
    if not usual:
        note["execution_count"] = count
        if target is SCRIPT and result is not None:
            note["result_count"] = result


def _new_ids(notebook: dict[str, Any]) -> Iterator[str]:
    """Ids that no cell has: the cells' numbers, so that the same notebook gets the same ones."""
    taken = {cell.get("id") for cell in notebook["cells"] if is_id(cell.get("id"))}
    number = 0
    while True:
        number += 1
        if (made := f"cell-{number}") not in taken:
            yield made


# And back


def _back(notebook: dict[str, Any], target: Side) -> str:
    note = detach(notebook["metadata"])
    minor = note.get("nbformat_minor")
    kept = [detach(cell.setdefault("metadata", {})) for cell in notebook["cells"]]
    if minor is not None and any(
        cell.get("id") != its.get("id") for cell, its in zip(notebook["cells"], kept, strict=True)
    ):
        # a cell was added since, and has an id: all keep theirs
        minor = None
        kept = [{key: value for key, value in its.items() if key != "id"} for its in kept]
    for cell, its in zip(notebook["cells"], kept, strict=True):
        _cell_back(cell, its, target)
    _metadata_back(notebook["metadata"], note, NOTEBOOK if target is SCRIPT else SCRIPT)
    if minor is not None:
        notebook["nbformat_minor"] = minor
    put_back(notebook, note, _required_of_notebook())
    texts.give_form(notebook, note.get("texts"))
    return render_as_noted(notebook, note.get("layout", {}))


def _cell_back(cell: dict[str, Any], note: dict[str, Any], target: Side) -> None:
    required = dict(REQUIRED_OF_CELL.get(cell["cell_type"], {}))
    if "id" in note:
        required["id"] = note["id"]
    if cell["cell_type"] == "code":
        outputs = cell.get("outputs", [])
        for at, kept in note.get("outputs", {}).items():
            if int(at) < len(outputs) and fingerprint(outputs[int(at)]) == kept.get("of"):
                put_back(outputs[int(at)], kept, REQUIRED_OF_OUTPUT[outputs[int(at)]["output_type"]])
        _count_back(cell, note, target)
    elif cell["cell_type"] == "raw" and "cell_type" in note:
        cell["cell_type"] = note["cell_type"]
    put_back(cell, note, required)


def _count_back(cell: dict[str, Any], note: dict[str, Any], target: Side) -> None:
    count, result = cell.get("execution_count"), result_count(cell)
    if target is SCRIPT:
        noted = note.get("execution_count", 0)
        written = noted if is_count(noted) else None
        was_run = count != written or _is_zero(noted)
        cell["execution_count"] = 0 if was_run else noted
    elif _is_zero(count):
        was_run = result != note.get("result_count")
        cell["execution_count"] = result if was_run or "execution_count" not in note else note["execution_count"]


def _metadata_back(metadata: dict[str, Any], note: dict[str, Any], source: Side) -> None:
    before = note.get("metadata", {})
    for key in _SWAPPED:
        if key in before:
            metadata[key] = before[key]
        else:
            metadata.pop(key, None)
    for key in note.get("more", ()):
        if metadata.get(key) == source.more.get(key):
            metadata.pop(key, None)


def _required_of_notebook() -> dict[str, Any]:
    return {"metadata": {}, "nbformat_minor": IDS_SINCE_MINOR}


def _is_zero(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value == 0
