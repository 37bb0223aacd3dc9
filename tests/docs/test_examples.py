"""Every command and every cell of the English pages is run, on a local Engee with real Julia.

The Russian pages have the same ones: see `test_both_have_the_same_code`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from frontend import Cell, Frontend, clean_environment
from jupyter_server.services.kernels.kernelmanager import MappingKernelManager
from traitlets.config import Config

from engee_kernel.emulator.process import LocalEngee
from engee_kernel.household.settings import EngeeSettings

from .documents import CHECKOUT, ENGLISH, README, Block, code_blocks, quoted, table_rows

sys.path.append(str(Path(__file__).parents[1] / "extension"))

from pythonnotebook import PythonNotebook

pytestmark = [pytest.mark.julia, pytest.mark.timeout(300)]

MAGICS, FILES, JOBS = "docs/magics.md", "docs/files.md", "docs/jobs.md"
COMMANDS, PYTHON, EMULATOR = "docs/command-line.md", "docs/python-notebooks.md", "docs/local-engee.md"
SCRIPTS, SYNC, CONTROLS = "docs/scripts.md", "docs/sync.md", "docs/controls.md"
COMMAND_LIMIT_S = 90
BUILDS = "it works on this checkout's own environment; tests/setup runs the programs behind it"
TESTS = "it is a tier of the tests"
INDEX = "it needs a package index; tests/setup/test_wheel.py builds and installs the package"
FOR_ALL = "it writes to folders of all users; tests/hub installs so elsewhere"
NOT_RUN = {
    "make demo": BUILDS,
    "make lab": BUILDS,
    "make setup": BUILDS,
    "make format": BUILDS,
    "make lint": TESTS,
    "make test": TESTS,
    "pip install jupyterlab ./engee_kernel-0.1.0-py3-none-any.whl": INDEX,
    "pip wheel --no-deps --wheel-dir dist .": INDEX,
    "jupyter lab": "it does not end; tests/browser runs it",
    "engee-kernel emulator": "it does not end; tests/emulator runs it",
    "engee-kernel emulator --install-julia": "it may download; tests/emulator/test_install.py runs it",
    "pip install nbstripout": INDEX,
    "python3 -m venv /opt/jupyterhub": FOR_ALL,
    "/opt/jupyterhub/bin/pip install jupyterhub jupyterlab ./engee_kernel-0.1.0-py3-none-any.whl": FOR_ALL,
    "/opt/jupyterhub/bin/engee-kernel install --sys-prefix": FOR_ALL,
    "npm install --global configurable-http-proxy": FOR_ALL,
    "python3 -m venv /opt/engee": FOR_ALL,
    "/opt/engee/bin/pip install ./engee_kernel-0.1.0-py3-none-any.whl": FOR_ALL,
    "/opt/engee/bin/engee-kernel install --prefix /opt/jupyterhub": FOR_ALL,
    "/opt/jupyterhub/bin/engee-kernel doctor": FOR_ALL,
    'pip install "engee-kernel[widgets]"': INDEX,
    "engee-kernel sync src /user/src --watch": "it does not end; tests/sync runs it",
    "engee-kernel sync MyModels.jl /user/MyModels.jl --watch --delete": "it does not end; tests/sync runs it",
    "git clone https://example.com/MyModels.jl": "it is nobody's address",
    "export EG_CLIENT_ENVS=ENGEE_TOKEN": "it is for the host of an Enterprise Gateway",
    "export JUPYTER_GATEWAY_ALLOWED_ENVS=ENGEE_TOKEN": "it is for the client of an Enterprise Gateway",
}
STAND_INS = {
    # tests/account types a token at a terminal
    "engee-kernel login": "engee-kernel login --token-stdin < token.txt",
}
# what a reader of the other pages has done already, as the README says
FIRST = ("engee-kernel install", "engee-kernel login")
MODELS = "module MyModels\nsimulate(n) = sum(1:n)\nend\n"
SCRIPT = CHECKOUT / "tests" / "scripts" / "pendulum.ngscript"
POWERSHELL_ONLY = re.compile(r"py -m venv \.venv|\.venv\\Scripts\\Activate\.ps1|python notebooks\\(demo|lab)\.py")


def pages_with(language: str) -> list[str]:
    return sorted({block.page for block in code_blocks(ENGLISH, language)})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The reader's folder, with the files that the examples speak of."""
    place = tmp_path / "reader"
    place.mkdir()
    (place / "data.csv").write_text("t,y\n0,0\n1,0.63\n", encoding="utf-8")
    (place / "sweep.jl").write_text('println("gain ", 6 * 7)\n', encoding="utf-8")
    for path, code in {"src/a.jl": "a = 1\n", "MyModels.jl/src/MyModels.jl": MODELS}.items():
        (place / path).parent.mkdir(parents=True)
        (place / path).write_text(code, encoding="utf-8")
    (place / "notebooks").mkdir()
    subprocess.run(["git", "init", "--quiet", place], check=True)
    shutil.copy(SCRIPT, place / "model.ngscript")
    parameters = nbformat.v4.new_code_cell('gain = 1.0\ntitle = ""', metadata={"tags": ["parameters"]})
    show = nbformat.v4.new_code_cell('println(title, " ", gain)')
    kernel = {"name": "engee", "display_name": "Engee (Julia)", "language": "julia"}
    notebook = nbformat.v4.new_notebook(cells=[parameters, show], metadata={"kernelspec": kernel})
    nbformat.write(notebook, place / "report.ipynb")
    monkeypatch.chdir(place)
    return place


# Shell


def runnable(page: str) -> list[tuple[str, str]]:
    """Place and text of the page's commands that a test can run."""
    return [
        (block.place, command)
        for block in code_blocks(page, "bash")
        for command in block.commands
        if command not in NOT_RUN
    ]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the blocks are for a POSIX shell")
@pytest.mark.parametrize("page", [page for page in pages_with("bash") if runnable(page)])
def test_commands(page: str, local_engee: LocalEngee, folder: Path, tmp_path: Path) -> None:
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
    before = [] if page == README else [("before the page", command) for command in FIRST]
    for place, command in [*before, *runnable(page)]:
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
        assert done.returncode == 0, f"{place}: {command}\n{told[command]}"
    assert local_engee.token not in "".join(told.values())
    if page == COMMANDS:
        assert "gain 42" in told["engee-kernel run sweep.jl"]
        assert (folder / "backup" / "project" / "data.csv").exists()
        assert "Отчёт 2.5" in (folder / "out.ipynb").read_text(encoding="utf-8")
        assert (folder / "report.html").exists()
    elif page == SCRIPTS:
        assert (folder / "model.ngscript").read_bytes() == SCRIPT.read_bytes()
        assert nbformat.read(folder / "notebooks" / "model.ipynb", as_version=4)["cells"]
        assert "diff=ngscript" in (folder / ".gitattributes").read_text(encoding="utf-8")
    elif page == SYNC:
        assert (local_engee.user_dir / "src" / "a.jl").read_text(encoding="utf-8") == "a = 1\n"


def test_what_is_not_run_as_it_stands_is_on_the_pages() -> None:
    """Else it is to be taken off the lists."""
    shown = {command for block in code_blocks(ENGLISH, "bash") for command in block.commands}
    assert {*NOT_RUN, *STAND_INS, *FIRST} <= shown
    assert len(shown - set(NOT_RUN)) > 15


def test_powershell_has_no_commands_of_its_own() -> None:
    """There is no PowerShell here: its lines are those of the shell blocks, but for a few that are looked at."""
    shell = {command.replace("./", ".\\") for block in code_blocks(ENGLISH, "bash") for command in block.commands}
    lines = {line for block in code_blocks(ENGLISH, "powershell") for line in block.commands}
    options = {"engee-kernel install --sys-prefix", 'pip install ".[dev]"'}
    assert lines
    assert [line for line in lines - shell - options if not POWERSHELL_ONLY.fullmatch(line)] == []
    assert [path for path in ("demo.py", "lab.py") if not (CHECKOUT / "notebooks" / path).exists()] == []


# Cells


def run_cells(notebook: Frontend, blocks: Iterable[Block]) -> dict[str, Cell]:
    """Each by its code. A question is answered with a number."""
    cells = {}
    notebook.on_input = lambda asked: "2.5"
    for block in blocks:
        cell = cells[block.text] = notebook.run(block.text, timeout_s=COMMAND_LIMIT_S, allow_stdin=True)
        assert cell.status == "ok", f"{block.place}:\n{block.text}\n{cell.traceback}"
    return cells


def found(cells: dict[str, Cell], part: str) -> Cell:
    return next(cell for code, cell in cells.items() if part in code)


def data(cell: Cell) -> dict[str, Any]:
    return {kind: text for output in cell.outputs for kind, text in output.get("data", {}).items()}


def environment_of(engee: LocalEngee) -> dict[str, str]:
    return {"ENGEE_URL": engee.url, "ENGEE_TOKEN": engee.token}


@pytest.mark.parametrize("page", pages_with("julia"))
def test_cells(page: str, local_engee: LocalEngee, folder: Path, tmp_path: Path) -> None:
    blocks = code_blocks(page, "julia")
    with Frontend(tmp_path / "kernel", environment_of(local_engee)) as kernel:
        cells = run_cells(kernel, blocks)
        asked = [message["content"] for message in kernel.input_requests]
    assert len(cells) == len(blocks)
    if page == README:
        assert "<polyline" in data(found(cells, "Curve([response"))["image/svg+xml"]
    elif page == MAGICS:
        replaced, _ = found(cells, "EngeeKernel.display").outputs
        assert replaced["data"]["text/plain"] == '"ready"'
        assert [content["password"] for content in asked] == [False, True]
    elif page == FILES:
        assert (folder / "results" / "data.csv").read_bytes() == (folder / "data.csv").read_bytes()
    elif page == JOBS:
        assert found(cells, "%%job --name sweep").text().count("gain 0.") == 5
        assert "10 results" in found(cells, "%jobs attach night").text()
        assert "sweep" in data(found(cells, "%jobs wait night"))["text/plain"]
    elif page == CONTROLS:
        cell = found(cells, "%%controls")
        assert "Controls for g, height, planet." in data(cell)["text/plain"]
        assert "On the Earth it takes 2.02 s" in str(cell.of("comm_msg"))
    elif page == SYNC:
        assert found(cells, "MyModels.simulate").result == "55"
    else:
        pytest.fail("What the cells of this page show is to be looked at here.")


def test_there_are_many_cells() -> None:
    assert len(code_blocks(ENGLISH, "julia")) > 12
    assert {README, MAGICS, FILES, JOBS} <= set(pages_with("julia"))


# Python


def python_blocks(page: str) -> list[Block]:
    return [block for block in code_blocks(page, "python") if not block.text.startswith("c.")]


def test_python_is_on_pages_whose_code_is_run() -> None:
    assert [page for page in pages_with("python") if python_blocks(page)] == [EMULATOR, PYTHON]


@pytest.fixture(scope="module")
def python_notebook(
    shared_local_engee: LocalEngee, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PythonNotebook]:
    folder = tmp_path_factory.mktemp("python")
    shared_local_engee.reset()  # this runs before `local_engee` does, on what another module's last test has left
    with PythonNotebook(folder, environment_of(shared_local_engee)) as notebook:
        notebook.run("%load_ext engee_kernel", timeout_s=COMMAND_LIMIT_S)
        yield notebook


def test_cells_of_the_python_notebook(local_engee: LocalEngee, python_notebook: PythonNotebook) -> None:
    cells = run_cells(python_notebook, python_blocks(PYTHON))
    shown = found(cells, "print(mean").text()
    assert re.fullmatch(r"2\.33\d+ 3\.0 4\.66\d+\n", shown)


def test_values_become_what_the_table_says(local_engee: LocalEngee, python_notebook: PythonNotebook) -> None:
    rows = [[quoted(cell)[0] for cell in row] for row in table_rows(PYTHON, "Python")]
    assert len(rows) > 20
    imports = "from datetime import *\nfrom fractions import Fraction\nimport numpy as np, pandas as pd"
    sent = [f"sent_{number} = {python}" for number, (python, _, _) in enumerate(rows)]
    names = ",".join(f"sent_{number}" for number in range(len(rows)))
    types = ", ".join(f"sent_{number} isa {julia}" for number, (_, julia, _) in enumerate(rows))
    back = "\n".join(f"back_{number} = sent_{number}" for number in range(len(rows)))
    returned = ",".join(f"back_{number}" for number in range(len(rows)))
    look = f"print([type(value).__name__ for value in ({returned})], list(map(bool, kinds)))"
    code = [
        "\n".join([imports, *sent]),
        f"%%engee -i {names} -o {returned},kinds\nimport Dates\nkinds = [{types}]\n{back}",
        look,
    ]
    cells = run_cells(python_notebook, [Block(PYTHON, "python", text, 0) for text in code])
    names_back, kinds = re.findall(r"\[(.*?)\]", cells[look].text())
    assert re.findall(r"\w+", names_back) == [python for _, _, python in rows]
    assert re.findall(r"\w+", kinds) == ["True"] * len(rows)


def test_the_local_engee_from_python(julia: Path, folder: Path) -> None:
    (block,) = python_blocks(EMULATOR)
    done = subprocess.run(
        [sys.executable, "-c", block.text], capture_output=True, encoding="utf-8", timeout=COMMAND_LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.match(r"http://127\.0\.0\.1:\d+ ", done.stdout)


# Configuration files


def configuration() -> Config:
    config = Config()
    for block in code_blocks(ENGLISH, "python"):
        if block.text.startswith("c."):
            exec(block.text, {"c": config})  # noqa: S102 - as Jupyter reads such files
    return config


def test_configuration_files() -> None:
    config = configuration()
    settings = EngeeSettings(config=config)
    assert set(config.EngeeSettings) <= set(EngeeSettings.names())
    assert (settings.handoff_after_s, settings.auto_start) == (5.0, False)
    # tests/hub starts a JupyterHub with the blocks of the administrator's page
    assert set(config.MappingKernelManager) <= set(MappingKernelManager.class_trait_names())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such sockets")
def test_cells_run_over_files_in_place_of_ports(local_engee: LocalEngee, folder: Path, tmp_path: Path) -> None:
    notebook = Frontend(tmp_path / "kernel", environment_of(local_engee))
    notebook.manager.update_config(configuration())
    with notebook:
        connection = notebook.manager.get_connection_info()
        result = notebook.run("6 * 7", timeout_s=COMMAND_LIMIT_S).result
    assert connection["transport"] == "ipc"
    assert connection["curve_publickey"]
    assert result == "42"
