"""Notebooks of the Engee kernel for its code magics: a workspace of its own each, so that Main stays clean."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engee_kernel.emulator.process import LocalEngee

sys.path.insert(0, str(Path(__file__).parent.parent / "jupyter"))

from frontend import Frontend

NotebookFactory = Callable[..., Frontend]


def environment_of(engee: LocalEngee, settings: dict[str, Any]) -> dict[str, str]:
    variables = {"ENGEE_URL": engee.url, "ENGEE_TOKEN": engee.token}
    return variables | {f"ENGEE_{name.upper()}": str(value) for name, value in settings.items()}


@pytest.fixture(scope="module")
def shared_notebook(shared_local_engee: LocalEngee, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontend]:
    shared_local_engee.reset()  # this runs before `local_engee` does, on what another module's last test has left
    environment = environment_of(shared_local_engee, {"workspace": "notebook"})
    with Frontend(tmp_path_factory.mktemp("code-magics"), environment) as kernel:
        kernel.run("1", timeout_s=120)
        yield kernel


@pytest.fixture
def notebook(shared_notebook: Frontend, local_engee: LocalEngee) -> Frontend:
    """The module's kernel, in the notebook's own workspace."""
    return shared_notebook


@pytest.fixture
def new_notebook(tmp_path: Path) -> Iterator[NotebookFactory]:
    """`new_notebook(engee, mode="plain")`: a kernel of the test's own."""
    started: list[Frontend] = []

    def start(engee: LocalEngee, **settings: Any) -> Frontend:
        folder = tmp_path / f"kernel-{len(started)}"
        started.append(Frontend(folder, environment_of(engee, settings)))
        return started[-1].start()

    yield start
    for kernel in started:
        if kernel.client is not None:
            kernel.end()
