"""papermill and nbconvert take what a script was converted to, and what they wrote becomes a script again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engee_kernel.scripts import to_notebook, to_script

from .conftest import Run, outputs_of, text_of

pytestmark = [pytest.mark.julia, pytest.mark.slow]

SCRIPT = (Path(__file__).parents[1] / "scripts" / "pendulum.ngscript").read_text(encoding="utf-8")


@pytest.fixture
def converted(tmp_path: Path) -> Path:
    path = tmp_path / "pendulum.ipynb"
    path.write_text(to_notebook(SCRIPT), encoding="utf-8", newline="")
    return path


def test_papermill(run: Run, converted: Path) -> None:
    done = run("-m", "papermill", converted.name, "out.ipynb", "-p", "unused", "1", "--no-progress-bar")
    assert done.returncode == 0, done.stderr
    assert "is invalid" not in done.stderr
    out = converted.with_name("out.ipynb")
    assert [text_of(outputs) for outputs in outputs_of(out)][-2] == "T = 1.419 с\n"
    script = json.loads(to_script(out.read_text(encoding="utf-8")))
    assert script["metadata"]["engee"] == json.loads(SCRIPT)["metadata"]["engee"]
    assert script["metadata"]["kernelspec"]["name"] == "ijulia-1.9"
    codes = [cell for cell in script["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in codes] == [0, 0, 0, None]  # the last one is empty
    assert codes[1]["outputs"][0]["execution_count"] == 2
    assert isinstance(codes[1]["source"], str)


def test_nbconvert_to_html(run: Run, converted: Path) -> None:
    done = run("-m", "nbconvert", "--to", "html", "--execute", converted.name)
    assert done.returncode == 0, done.stderr
    assert "is invalid" not in done.stderr
    page = converted.with_suffix(".html").read_text(encoding="utf-8")
    assert "Маятник</h1>" in page or "Маятник<a" in page
    assert "T = 1.419 с" in page
    assert 'hl-julia"' in page


def test_nbconvert_to_a_file_of_julia(run: Run, converted: Path) -> None:
    done = run("-m", "nbconvert", "--to", "script", converted.name)
    assert done.returncode == 0, done.stderr
    assert 'type:"slider"' in converted.with_suffix(".jl").read_text(encoding="utf-8")
