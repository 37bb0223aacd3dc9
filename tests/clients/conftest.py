"""Jupyter's own clients, started as people start them, with the installed kernelspec on a local Engee."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from frontend import clean_environment
from nbformat.v4 import new_code_cell, new_notebook

from engee_kernel.emulator.process import LocalEngee

PROGRAM_LIMIT_S = 90
METADATA = {  # as JupyterLab writes it
    "kernelspec": {"name": "engee", "display_name": "Engee (Julia)", "language": "julia"},
    "language_info": {"name": "julia", "file_extension": ".jl", "pygments_lexer": "julia"},
}

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def environment_for(engee: LocalEngee, folder: Path) -> dict[str, str]:
    """For a client: no settings of this machine's user, this environment's kernelspec and programs."""
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return clean_environment(folder) | {
        "ENGEE_URL": engee.url,
        "ENGEE_TOKEN": engee.token,
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
        "PATH": programs,
        "PYTHONUTF8": "1",
    }


@pytest.fixture
def environment(local_engee: LocalEngee, tmp_path: Path) -> dict[str, str]:
    return environment_for(local_engee, tmp_path)


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    """`run("-m", "papermill", …)`: Python with these arguments, in the test's folder."""

    def run_it(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=PROGRAM_LIMIT_S,
            check=False,
        )

    return run_it


def notebook_of(*cells: str | nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A notebook for this kernel; a cell with metadata is given as one."""
    made = [new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    return new_notebook(cells=made, metadata=METADATA)


def tagged(source: str, tag: str) -> nbformat.NotebookNode:
    return new_code_cell(source, metadata={"tags": [tag]})


def outputs_of(notebook: Path) -> list[list[dict[str, Any]]]:
    """The outputs of each code cell of a notebook in a file."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [cell["outputs"] for cell in cells if cell["cell_type"] == "code"]


def text_of(outputs: list[dict[str, Any]]) -> str:
    """What a cell printed and its value."""
    pieces = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return "".join("".join(piece) for piece in pieces)
