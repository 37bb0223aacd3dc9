"""Kernels and commands that share one journal, as those of one person do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engee_kernel.emulator.process import LocalEngee

# for the front end without a screen that the tests of the kernel have
sys.path.insert(0, str(Path(__file__).parent.parent / "jupyter"))

from frontend import Frontend, clean_environment
from joblab import COMMAND_LIMIT_S, COMMAND_LINE, Command, Gate, KernelFactory


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


def _environment(engee: LocalEngee, state_dir: Path, settings: dict[str, Any]) -> dict[str, str]:
    variables = {"ENGEE_URL": engee.url, "ENGEE_TOKEN": engee.token, "ENGEE_STATE_DIR": str(state_dir)}
    return variables | {f"ENGEE_{name.upper()}": str(value) for name, value in settings.items()}


@pytest.fixture
def new_kernel(tmp_path: Path, state_dir: Path) -> Iterator[KernelFactory]:
    """`new_kernel(engee, notebook="a.ipynb", mode="plain")`: settings become ENGEE_… variables."""
    started: list[Frontend] = []

    def start(engee: LocalEngee, *, notebook: str = "one.ipynb", **settings: Any) -> Frontend:
        environment = _environment(engee, state_dir, settings) | {"JPY_SESSION_NAME": f"/notebooks/{notebook}"}
        kernel = Frontend(tmp_path / f"kernel-{len(started)}", environment)
        started.append(kernel)
        return kernel.start()

    yield start
    for kernel in started:
        if kernel.client is not None:
            kernel.end()


@pytest.fixture
def gate(local_engee: LocalEngee) -> Gate:
    return Gate(local_engee)


@pytest.fixture
def command_environment(local_engee: LocalEngee, tmp_path: Path, state_dir: Path) -> dict[str, str]:
    folder = tmp_path / "command"
    folder.mkdir()
    return clean_environment(folder) | _environment(local_engee, state_dir, {}) | {"PYTHONIOENCODING": "utf-8"}


@pytest.fixture
def command(command_environment: dict[str, str], tmp_path: Path) -> Command:
    """`command("jobs", "--json", stdin="…")`: `engee-kernel` as a process of its own."""

    def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", COMMAND_LINE, *words],
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            env=command_environment,
            cwd=tmp_path,
            timeout=COMMAND_LIMIT_S,
            check=False,
        )

    return run
