"""A script that a notebook editor has opened as it is, and saves: what the editor did not touch stays as it was."""

from __future__ import annotations

import json
from typing import Any

from ..facts.errors import ScriptError
from .conversion import to_notebook, to_script
from .notes import NOTE, fingerprint
from .spelling import read


def saved_script(content: dict[str, Any], before: str | None, name: str) -> str:
    """The .ngscript for a notebook in its editor's hands; `before`: the file's text, which is replaced by it.

    The fields that editors drop, the kernel's entry, the layout: all that a conversion would have noted down in the
    notebook is taken from the text before. Cells are told by their ids. Raises ScriptError.
    """
    notebook = json.loads(json.dumps(content))
    for cell in notebook.get("cells", ()):
        cell.get("metadata", {}).pop("trusted", None)  # the editor's own, not for files
    if before is not None:
        _take_notes(notebook, before)
    return to_script(json.dumps(notebook, ensure_ascii=False), name)


def _take_notes(notebook: dict[str, Any], before: str) -> None:
    try:
        old = read(to_notebook(before), "")
    except ScriptError:
        return  # it was no script: nothing in it is kept
    known = {cell.get("id"): cell for cell in old["cells"]}
    _take_note(notebook, old)
    for cell in notebook.get("cells", ()):
        if (was := known.get(cell.get("id"))) is not None:
            _take_note(cell, was)
            # an editor may show the result's count where the script has none
            if (outputs := _fingerprints(cell)) and outputs == _fingerprints(was):
                cell["execution_count"] = was["execution_count"]


def _take_note(item: dict[str, Any], was: dict[str, Any]) -> None:
    if NOTE in was["metadata"]:
        item.setdefault("metadata", {})[NOTE] = was["metadata"][NOTE]


def _fingerprints(cell: dict[str, Any]) -> list[str]:
    return [fingerprint(output) for output in cell.get("outputs", ())]
