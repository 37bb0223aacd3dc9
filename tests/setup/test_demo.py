"""`make demo` and `make lab`: the programs behind them, and the notebook that they show."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import nbformat
import psutil
import pytest

from .conftest import CHECKOUT

pytestmark = [pytest.mark.slow, pytest.mark.julia, pytest.mark.timeout(300)]

NOTEBOOKS = CHECKOUT / "notebooks"
QUICKSTART = NOTEBOOKS / "quickstart.ipynb"
LIMIT_S = 240


def demo(*words: str | Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", str(NOTEBOOKS / "demo.py"), *map(str, words)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="backslashreplace",
    )


def write_notebook(path: Path, *sources: str) -> Path:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def read_until(stream: IO[str], text: str) -> None:
    for line in stream:
        if text in line:
            return
    pytest.fail(f"it ended before it said “{text}”")


def test_quickstart_is_committed_without_outputs_and_for_this_kernel() -> None:
    notebook = nbformat.read(QUICKSTART, as_version=4)
    nbformat.validate(notebook)
    spec = notebook.metadata.kernelspec
    assert (spec.name, spec.display_name, spec.language) == ("engee", "Engee (Julia)", "julia")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


def test_quickstart_shows_what_it_promises(julia: Path, tmp_path: Path, jupyter_environment: dict[str, str]) -> None:
    running = demo("--output", tmp_path, environment=jupyter_environment)
    printed, _ = running.communicate(timeout=LIMIT_S)
    assert running.returncode == 0, printed

    cells = nbformat.read(tmp_path / "quickstart.ipynb", as_version=4).cells
    outputs = {cell.id: cell.outputs for cell in cells if cell.cell_type == "code"}
    failed = {name for name, shown in outputs.items() if any(one.output_type == "error" for one in shown)}
    assert failed == {"mistake"}
    plots = [name for name, shown in outputs.items() for one in shown if "image/svg+xml" in one.get("data", {})]
    assert plots == ["plotting", "pid", "comparison"]
    assert "text/latex" in outputs["formula"][0].data
    table = outputs["figures"][0].data["text/html"]
    assert table.count("<tr>") == 4 and "overshoot" in table
    assert "R, Ω" in outputs["identify"][0].text
    # a progress line that was redrawn leaves its last state
    assert outputs["montecarlo"][0].text.count("motors, slowest") == 1
    assert "PID with Kp" in outputs["search"][-1].data["text/plain"]
    page = (tmp_path / "quickstart.html").read_text(encoding="utf-8")
    assert page.count('src="data:image/svg+xml;base64') == len(plots)


def test_a_cell_that_fails_fails_the_demo(julia: Path, tmp_path: Path, jupyter_environment: dict[str, str]) -> None:
    notebook = write_notebook(tmp_path / "bad.ipynb", "1 + 1", 'error("not meant")', "2 + 2")
    running = demo(notebook, "--output", tmp_path / "out", environment=jupyter_environment)
    printed, _ = running.communicate(timeout=LIMIT_S)
    assert running.returncode == 1
    assert "not meant" in printed
    cells = nbformat.read(tmp_path / "out" / "bad.ipynb", as_version=4).cells
    assert [cell.execution_count for cell in cells] == [1, 2, None]


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "end"])
def test_an_interrupted_demo_leaves_nothing_running(
    julia: Path, tmp_path: Path, jupyter_environment: dict[str, str], number: signal.Signals
) -> None:
    notebook = write_notebook(tmp_path / "long.ipynb", "1 + 1", "sleep(200)")
    running = demo(notebook, "--output", tmp_path / "out", environment=jupyter_environment)
    assert running.stdout is not None
    read_until(running.stdout, "cell 2 of 2")
    started = psutil.Process(running.pid).children(recursive=True)
    assert started
    running.send_signal(number)
    printed, _ = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "Interrupted" in printed
    _, left = psutil.wait_procs(started, timeout=20)
    assert not left


@pytest.fixture
def lab(julia: Path, tmp_path: Path, jupyter_environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with (tmp_path / "lab.txt").open("wb") as output:
        program = subprocess.Popen(
            [sys.executable, str(NOTEBOOKS / "lab.py"), "--no-browser", "--ServerApp.port=0"],
            env=jupyter_environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    yield program
    if program.poll() is None:
        program.terminate()
        program.wait(60)


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
def test_lab_has_the_kernel_and_ends_with_all_it_started(
    lab: subprocess.Popen[bytes], tmp_path: Path, jupyter_environment: dict[str, str]
) -> None:
    server = wait_for_server(lab, Path(jupyter_environment["JUPYTER_RUNTIME_DIR"]), tmp_path / "lab.txt")
    url = f"{server['url']}api/kernelspecs?token={server['token']}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=60) as reply:
        assert "engee" in json.load(reply)["kernelspecs"]
    assert Path(server["root_dir"]) == NOTEBOOKS
    started = psutil.Process(lab.pid).children(recursive=True)
    for process in (lab, *[one for one in started if "jupyterlab" in " ".join(one.cmdline())]):
        process.send_signal(signal.SIGINT)  # as a terminal does, to the whole foreground group
    lab.wait(60)
    _, left = psutil.wait_procs(started, timeout=20)
    assert not left


def wait_for_server(lab: subprocess.Popen[bytes], runtime: Path, log: Path) -> dict[str, str]:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and lab.poll() is None:
        for path in runtime.glob("jpserver-*.json"):
            text = path.read_text(encoding="utf-8")
            if text:
                found: dict[str, str] = json.loads(text)
                return found
        time.sleep(0.1)
    pytest.fail(log.read_text(encoding="utf-8", errors="replace"))
