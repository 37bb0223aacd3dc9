"""notebooks/jobs.ipynb does what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from frontend import SPEC

from engee_kernel.emulator.process import LocalEngee

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "jobs.ipynb"


def text_of(cell: Any) -> str:
    """All that stands under the cell, as text."""
    parts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell["outputs"]]
    return "\n".join(str(part) for part in parts)


@pytest.mark.slow
def test_the_notebook(command_environment: dict[str, str], local_engee: LocalEngee, tmp_path: Path) -> None:
    shutil.copytree(SPEC, tmp_path / "jupyter" / "kernels" / "engee")
    shutil.copy(NOTEBOOK, tmp_path / "jobs.ipynb")
    subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", "jobs.ipynb"],
        cwd=tmp_path,
        env=command_environment | {"JUPYTER_PATH": str(tmp_path / "jupyter")},
        check=True,
        timeout=110,
    )
    notebook = nbformat.read(tmp_path / "jobs.ipynb", as_version=4)
    cells = {cell["id"]: cell for cell in notebook["cells"] if cell["cell_type"] == "code"}
    assert "ζ = 0.8: 1.5 %" in text_of(cells["sweep"])
    assert "4.598" in text_of(cells["sweep"])
    assert "limits" in text_of(cells["detach"])
    assert "another cell: 4" in text_of(cells["meanwhile"])
    assert re.search(r"limits +running", text_of(cells["list"]))
    assert re.search(r"limits +done", text_of(cells["wait"]))
    assert "trial 1\ntrial 2\ntrial 3\ntrial 4\ntrial 5\n" in text_of(cells["attach"])
    assert "0.833" in text_of(cells["attach"])
    assert text_of(cells["result"]).startswith("4.598")
    assert "has stopped" in text_of(cells["interrupt"])
    assert re.search(r"endless +interrupted", text_of(cells["interrupted"]))
    assert (tmp_path / "results" / "steps.csv").read_text(encoding="utf-8").startswith("t,y\n0.0,0.0\n")
