"""notebooks/python.ipynb does what it says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from frontend import clean_environment

from engee_kernel.emulator.process import LocalEngee

pytestmark = [pytest.mark.julia, pytest.mark.slow, pytest.mark.timeout(300)]

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "python.ipynb"
LIMIT_S = 240


@pytest.fixture(scope="module")
def cells(shared_local_engee: LocalEngee, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The code cells, executed as people do it without a browser."""
    shared_local_engee.reset()
    folder = tmp_path_factory.mktemp("python-example")
    shutil.copy(NOTEBOOK, folder / "python.ipynb")
    settings = {"ENGEE_URL": shared_local_engee.url, "ENGEE_TOKEN": shared_local_engee.token}
    done = subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", "python.ipynb"],
        cwd=folder,
        env=clean_environment(folder) | settings | {"ENGEE_WORKSPACE": "notebook"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="backslashreplace",
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert [name for name in os.listdir(folder) if name.startswith("levels")] == []  # noqa: PTH208
    notebook = nbformat.read(folder / "python.ipynb", as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def cell_with(cells: list[Any], words: str) -> Any:
    [found] = [cell for cell in cells if words in cell.source]
    return found


def text_of(cell: Any) -> str:
    parts = [output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "\n".join(parts)


def test_the_array(cells: list[Any]) -> None:
    assert text_of(cell_with(cells, "eigen(Symmetric(A))")).count("natural frequency:") == 2
    assert text_of(cell_with(cells, "np.allclose")).strip() == "True"


def test_the_line(cells: list[Any]) -> None:
    assert text_of(cell_with(cells, "stiffness, type")).strip() == "(-100.0, float)"


def test_the_table(cells: list[Any]) -> None:
    [output] = next(cell for cell in cells if cell.source == "report").outputs
    assert "<table" in output.data["text/html"]
    assert "measured" in output.data["text/plain"]


def test_the_plot(cells: list[Any]) -> None:
    [output] = cell_with(cells, "struct FreeMotion").outputs
    assert output.data["image/svg+xml"].startswith("<svg")


def test_the_file(cells: list[Any]) -> None:
    assert "checksum agrees" in text_of(cell_with(cells, "%upload levels.csv"))
    assert text_of(cell_with(cells, "countlines")).strip() == "5"


def test_the_errors(cells: list[Any]) -> None:
    [julia] = cell_with(cells, "amplified(0.1").outputs
    assert (julia.output_type, julia.ename) == ("error", "DomainError")
    assert ":2" in "\n".join(julia.traceback)
    [refused] = cell_with(cells, "-i reader").outputs
    assert refused.ename == "ExchangeError"
    assert "TextIOWrapper" in refused.evalue


def test_nothing_else_went_wrong(cells: list[Any]) -> None:
    """No error but the two that are meant, no warning, no token, no trace of a life sign."""
    outputs = [output for cell in cells for output in cell.outputs]
    assert sum(output.output_type == "error" for output in outputs) == 2
    assert not [output for output in outputs if output.get("name") == "stderr" and "%|" not in output.text]
    assert "running for" not in str(outputs)
