"""nbformat 4 as far as a conversion has to know it: what is a notebook at all, and which fields it may have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..facts.errors import ScriptError

NOTEBOOK_FIELDS = ("metadata", "nbformat", "nbformat_minor", "cells")
CELL_FIELDS = {
    "code": ("id", "cell_type", "metadata", "source", "outputs", "execution_count"),
    "markdown": ("id", "cell_type", "metadata", "source", "attachments"),
    "raw": ("id", "cell_type", "metadata", "source", "attachments"),
}
OUTPUT_FIELDS = {
    "stream": ("output_type", "name", "text"),
    "display_data": ("output_type", "data", "metadata"),
    "execute_result": ("output_type", "data", "metadata", "execution_count"),
    "error": ("output_type", "ename", "evalue", "traceback"),
}
# what must be there, and what stands for nothing
REQUIRED_OF_CELL: Mapping[str, Mapping[str, Any]] = {
    "code": {"metadata": {}, "source": [], "outputs": [], "execution_count": None},
    "markdown": {"metadata": {}, "source": []},
    "raw": {"metadata": {}, "source": []},
}
REQUIRED_OF_OUTPUT: Mapping[str, Mapping[str, Any]] = {
    "stream": {"name": "stdout", "text": []},
    "display_data": {"data": {}, "metadata": {}},
    "execute_result": {"data": {}, "metadata": {}, "execution_count": None},
    "error": {"ename": "", "evalue": "", "traceback": []},
}
IDS_SINCE_MINOR = 5
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def check(notebook: Any, name: str) -> None:
    """Raises ScriptError for what is no Julia notebook of format 4; `name` is what it is called there."""
    if not isinstance(notebook, dict) or not isinstance(notebook.get("nbformat"), int):
        raise ScriptError(
            f"{name} is no script and no notebook: it has no “nbformat”.",
            "Expected: a script (.ngscript) or a notebook (.ipynb), as Engee or Jupyter saves it.",
        )
    version = notebook["nbformat"]
    if version < 4:
        raise ScriptError(
            f"{name} has notebook format {version}; scripts have format 4.",
            "Bring it up to date first: jupyter nbconvert --to notebook FILE, or save it again in JupyterLab.",
        )
    if version > 4:
        raise ScriptError(f"{name} has notebook format {version}; known is 4.", "Try a newer engee-kernel.")
    _check_shape(notebook, name)
    _check_language(notebook.get("metadata", {}), name)


def _check_shape(notebook: dict[str, Any], name: str) -> None:
    def expect(fits: bool, place: str, what: str) -> None:
        if not fits:
            raise ScriptError(
                f"{name} is no proper notebook: {place} is not {what}.", "Save it again where it is from."
            )

    minor = notebook.get("nbformat_minor", 0)
    expect(isinstance(minor, int) and not isinstance(minor, bool), "nbformat_minor", "a number")
    expect(isinstance(notebook.get("metadata", {}), dict), "metadata", "an object")
    expect(isinstance(notebook.get("cells"), list), "cells", "a list")
    for number, cell in enumerate(notebook["cells"]):
        place = f"cells[{number}]"
        expect(isinstance(cell, dict), place, "an object")
        expect(isinstance(cell.get("cell_type"), str), f"{place}.cell_type", "a text")
        expect(isinstance(cell.get("metadata", {}), dict), f"{place}.metadata", "an object")
        expect(_is_text(cell.get("source", "")), f"{place}.source", "a text or a list of lines")
        expect(isinstance(cell.get("outputs", []), list), f"{place}.outputs", "a list")
        for at, output in enumerate(cell.get("outputs", [])):
            expect(isinstance(output, dict), f"{place}.outputs[{at}]", "an object")
            expect(isinstance(output.get("output_type"), str), f"{place}.outputs[{at}].output_type", "a text")
            expect(isinstance(output.get("data", {}), dict), f"{place}.outputs[{at}].data", "an object")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(line, str) for line in value))


def _check_language(metadata: dict[str, Any], name: str) -> None:
    spec, info = metadata.get("kernelspec"), metadata.get("language_info")
    spec = spec if isinstance(spec, dict) else {}
    language = spec.get("language") or (info.get("name") if isinstance(info, dict) else None)
    kernel = spec.get("name")
    if language is None and isinstance(kernel, str) and not re.search("julia|engee", kernel, re.IGNORECASE):
        raise ScriptError(
            f"{name} is a notebook of the kernel “{kernel}”, and nothing in it says that this is Julia.",
            "Choose the Engee kernel for it in Jupyter and save it; then convert it.",
        )
    if isinstance(language, str) and language.lower() != "julia":
        raise ScriptError(
            f"{name} is a notebook in {language}; Engee's scripts are in Julia.",
            "If its code is Julia, choose the Engee kernel for it in Jupyter and save it; then convert it.",
        )


def is_count(value: Any) -> bool:
    """Whether a cell's execution_count may be this."""
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)


def is_id(value: Any) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def result_count(cell: Mapping[str, Any]) -> int | None:
    """The count that a code cell's own result carries."""
    for output in reversed(cell.get("outputs", [])):
        count = output.get("execution_count") if output["output_type"] == "execute_result" else None
        if is_count(count) and count:
            return int(count)
    return None
