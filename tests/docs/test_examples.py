"""Every command and every cell of the README is run, on a local Engee with real Julia.

The Russian README has the same ones: see `test_both_have_the_same_code`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from frontend import Cell, Frontend, clean_environment
from traitlets.config import Config

from engee_kernel.emulator.process import LocalEngee
from engee_kernel.household.settings import EngeeSettings

from .documents import CHECKOUT, ENGLISH, Block, code_blocks

sys.path.append(str(Path(__file__).parents[1] / "extension"))

from pythonnotebook import PythonNotebook

pytestmark = [pytest.mark.julia, pytest.mark.timeout(300)]

COMMAND_LIMIT_S = 90
BUILDS = "it works on this checkout's own environment; tests/setup runs the programs behind it"
TESTS = "it is a tier of the tests"
INDEX = "it needs a package index; tests/setup/test_wheel.py installs the built package"
TERMINAL = "it asks the person at the keyboard"
NOT_RUN = {
    "make demo": BUILDS,
    "make lab": BUILDS,
    "make setup": BUILDS,
    "make format": BUILDS,
    "make lint": TESTS,
    "make test": TESTS,
    "pip install jupyterlab engee-kernel": INDEX,
    "jupyter lab": "it does not end; tests/browser runs it",
    "export EG_CLIENT_ENVS=ENGEE_TOKEN": "it is for the host of an Enterprise Gateway",
    "export JUPYTER_GATEWAY_ALLOWED_ENVS=ENGEE_TOKEN": "it is for the client of an Enterprise Gateway",
}
STAND_INS = {
    # tests/account types a token at a terminal
    "engee-kernel login": "engee-kernel login --token-stdin < token.txt",
    "engee-kernel install --prefix /usr/local": "engee-kernel install --prefix everybody",
}
POWERSHELL_ONLY = re.compile(r"py -m venv \.venv|\.venv\\Scripts\\Activate\.ps1|python notebooks\\(demo|lab)\.py")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The reader's folder, with the files that the examples speak of."""
    place = tmp_path / "reader"
    place.mkdir()
    (place / "data.csv").write_text("t,y\n0,0\n1,0.63\n", encoding="utf-8")
    (place / "sweep.jl").write_text('println("gain ", 6 * 7)\n', encoding="utf-8")
    parameters = nbformat.v4.new_code_cell('gain = 1.0\ntitle = ""', metadata={"tags": ["parameters"]})
    show = nbformat.v4.new_code_cell('println(title, " ", gain)')
    kernel = {"name": "engee", "display_name": "Engee (Julia)", "language": "julia"}
    notebook = nbformat.v4.new_notebook(cells=[parameters, show], metadata={"kernelspec": kernel})
    nbformat.write(notebook, place / "report.ipynb")
    monkeypatch.chdir(place)
    return place


# Shell


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the blocks are for a POSIX shell")
def test_commands(local_engee: LocalEngee, folder: Path, tmp_path: Path) -> None:
    (folder / "token.txt").write_text(local_engee.token + "\n", encoding="utf-8")
    programs = [str(Path(sys.executable).parent), os.environ["PATH"]]
    environment = clean_environment(tmp_path) | {
        "ENGEE_URL": local_engee.url,
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "PATH": os.pathsep.join(programs),
        "PYTHONUTF8": "1",
    }
    told: dict[str, str] = {}
    skipped = set()
    for block in code_blocks(ENGLISH, "bash"):
        for command in block.commands:
            if command in NOT_RUN:
                skipped.add(command)
                continue
            done = subprocess.run(
                ["bash", "-c", STAND_INS.get(command, command)],
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                timeout=COMMAND_LIMIT_S,
                check=False,
            )
            told[command] = done.stdout + done.stderr
            assert done.returncode == 0, f"README.md, block at line {block.line}: {command}\n{told[command]}"
    assert skipped == set(NOT_RUN), "what the README no longer has is to be taken off the list"
    assert set(STAND_INS) <= set(told)
    assert local_engee.token not in "".join(told.values())
    assert "gain 42" in told["engee-kernel run sweep.jl"]
    assert (folder / "backup" / "project" / "data.csv").exists()
    assert "Отчёт 2.5" in (folder / "out.ipynb").read_text(encoding="utf-8")
    assert (folder / "report.html").exists()


def test_powershell_has_no_commands_of_its_own() -> None:
    """There is no PowerShell here: its lines are those of the shell blocks, but for a few that are looked at."""
    shell = {command for block in code_blocks(ENGLISH, "bash") for command in block.commands}
    lines = {line for block in code_blocks(ENGLISH, "powershell") for line in block.commands}
    options = {"engee-kernel install --sys-prefix", 'pip install ".[dev]"'}
    assert lines
    assert [line for line in lines - shell - options if not POWERSHELL_ONLY.fullmatch(line)] == []
    assert [path for path in ("demo.py", "lab.py") if not (CHECKOUT / "notebooks" / path).exists()] == []


# Cells


def run_cells(notebook: Frontend, blocks: list[Block]) -> dict[str, Cell]:
    """Each by its code. A question is answered with a number."""
    cells = {}
    notebook.on_input = lambda asked: "2.5"
    for block in blocks:
        cell = cells[block.text] = notebook.run(block.text, timeout_s=COMMAND_LIMIT_S, allow_stdin=True)
        assert cell.status == "ok", f"README.md, block at line {block.line}:\n{block.text}\n{cell.traceback}"
    return cells


def found(cells: dict[str, Cell], part: str) -> Cell:
    return next(cell for code, cell in cells.items() if part in code)


def data(cell: Cell) -> dict[str, Any]:
    return {kind: text for output in cell.outputs for kind, text in output.get("data", {}).items()}


def environment_of(engee: LocalEngee) -> dict[str, str]:
    return {"ENGEE_URL": engee.url, "ENGEE_TOKEN": engee.token}


def test_cells(local_engee: LocalEngee, folder: Path, tmp_path: Path) -> None:
    blocks = code_blocks(ENGLISH, "julia")
    with Frontend(tmp_path / "kernel", environment_of(local_engee)) as kernel:
        cells = run_cells(kernel, blocks)
        asked = [message["content"] for message in kernel.input_requests]
    assert len(cells) == len(blocks) > 10
    assert "<polyline" in data(found(cells, "Curve([response"))["image/svg+xml"]
    replaced, _ = found(cells, "EngeeKernel.display").outputs
    assert replaced["data"]["text/plain"] == '"ready"'
    assert [content["password"] for content in asked] == [False, True]
    assert (folder / "results" / "data.csv").read_bytes() == (folder / "data.csv").read_bytes()
    assert found(cells, "%%job --name sweep").text().count("gain 0.") == 5
    assert "10 results" in found(cells, "%jobs attach night").text()
    assert "sweep" in data(found(cells, "%jobs wait night"))["text/plain"]


def test_cells_of_the_python_notebook(local_engee: LocalEngee, folder: Path, tmp_path: Path) -> None:
    blocks = [block for block in code_blocks(ENGLISH, "python") if not block.text.startswith("c.")]
    with PythonNotebook(tmp_path / "python", environment_of(local_engee)) as notebook:
        cells = run_cells(notebook, blocks)
    shown = found(cells, "print(mean").text()
    assert re.fullmatch(r"2\.33\d+ 3\.0 4\.66\d+\n", shown)


def test_configuration_files() -> None:
    blocks = [block for block in code_blocks(ENGLISH, "python") if block.text.startswith("c.")]
    config = Config()
    for block in blocks:
        exec(block.text, {"c": config})  # noqa: S102 - as Jupyter reads such files
    settings = EngeeSettings(config=config)
    assert set(config.EngeeSettings) <= set(EngeeSettings.names())
    assert (settings.handoff_after_s, settings.auto_start) == (5.0, False)
    assert set(config.Spawner.environment) == {"ENGEE_URL"}
