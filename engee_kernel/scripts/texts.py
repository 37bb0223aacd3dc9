"""Texts of several lines: a notebook may have each as one string or as a list of lines. Jupyter saves lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

STRING, LINES = "string", "lines"
EMPTY = " if empty"
_SPLIT_TYPES = ("application/javascript", "image/svg+xml")

Place = tuple[str, dict[str, Any], str]
"""The kind of text, the object it is in, and its key there."""


def forms(notebook: dict[str, Any]) -> dict[str, str]:
    """The form of each kind of text, where all texts of that kind have the same."""
    found: dict[str, set[str]] = {}
    for kind, item, key in _places(notebook):
        value = item[key]
        found.setdefault(kind if value else kind + EMPTY, set()).add(_form(value))
    return {kind: one for kind, several in found.items() if len(several) == 1 for one in several if one}


def give_form(notebook: dict[str, Any], wanted: Any) -> None:
    """Bring the notebook's texts into these forms, in place; what has no wanted form stays as it is."""
    if not isinstance(wanted, dict):
        return
    for kind, item, key in _places(notebook):
        value = item[key]
        form = wanted.get(kind if value else kind + EMPTY)
        if form == STRING and isinstance(value, list):
            item[key] = "".join(value)
        elif form == LINES and isinstance(value, str):
            item[key] = value.splitlines(keepends=True)


def _form(value: Any) -> str:
    if isinstance(value, str):
        return STRING
    # a list that is split elsewhere than at its lines' ends has a form of its own
    return LINES if value == "".join(value).splitlines(keepends=True) else ""


def _places(notebook: dict[str, Any]) -> Iterator[Place]:
    for cell in notebook["cells"]:
        if "source" in cell:
            yield "source", cell, "source"
        for output in cell.get("outputs", []):
            if output["output_type"] == "stream" and _is_text(output.get("text")):
                yield "stream", output, "text"
            for mime, value in output.get("data", {}).items():
                if (mime.startswith("text/") or mime in _SPLIT_TYPES) and _is_text(value):
                    yield "data", output["data"], mime


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(line, str) for line in value))
