"""notebooks/files.ipynb, executed by nbclient (as nbconvert starts it), twice: running it again means the same."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from engee_kernel.emulator.process import LocalEngee

from .conftest import left_behind, tree

sys.path.insert(0, str(Path(__file__).parents[1] / "jupyter"))
from frontend import Frontend, clean_environment

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "files.ipynb"
LIMIT_S = 110


@pytest.mark.timeout(240)
def test_the_notebook_runs_and_runs_again(tmp_path: Path, local_engee: LocalEngee, user: Path, here: Path) -> None:
    folder = tmp_path / "jupyter"
    Frontend(folder, {})  # puts the kernelspec there
    environment = clean_environment(folder) | {
        "ENGEE_URL": local_engee.url,
        "ENGEE_TOKEN": local_engee.token,
        "JUPYTER_PATH": str(folder),
    }
    shutil.copy(NOTEBOOK, here)
    for _ in range(2):
        command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--output-dir", str(tmp_path)]
        done = subprocess.run(
            [*command, str(here / NOTEBOOK.name)],
            env=environment,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        notebook = nbformat.read(tmp_path / NOTEBOOK.name, as_version=4)
        shown = {cell.id: str(cell.get("outputs", "")) for cell in notebook.cells}
        assert "usage: %upload" in shown["help"]
        assert "отклик 1.5.csv" in shown["ls"]
        assert "time_s,position" in shown["cat"]
        assert "checksums agree" in shown["download"]
        assert "(replaced)" in shown["again"]
        assert "отклик 0.7_1.csv" in shown["keep"]
        assert "Every byte is the same." in shown["check"]
        assert "слабое затухание.csv" in shown["move"]
        assert tree(user) == {}
        assert set(tree(here / "results")) == {f"отклик {damping}.csv" for damping in (0.2, 0.7, 1.5)}
        assert left_behind(here) == []
