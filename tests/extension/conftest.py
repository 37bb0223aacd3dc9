"""Python notebooks with the extension, and a session of the extension's kind without a notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from engee_kernel.emulator.process import LocalEngee

sys.path.insert(0, str(Path(__file__).parent.parent / "jupyter"))

from exchanger import Exchanger
from pythonnotebook import PythonNotebook


@pytest.fixture(scope="module")
def exchanger(shared_local_engee: LocalEngee) -> Iterator[Exchanger]:
    shared_local_engee.reset()
    exchanger = Exchanger(shared_local_engee)
    yield exchanger
    exchanger.close()


NotebookFactory = Callable[..., PythonNotebook]


def environment_of(engee: LocalEngee, settings: Mapping[str, Any]) -> dict[str, str]:
    variables_ = {"ENGEE_URL": engee.url, "ENGEE_TOKEN": engee.token}
    return variables_ | {f"ENGEE_{name.upper()}": str(value) for name, value in settings.items()}


@pytest.fixture(scope="module")
def shared_python(shared_local_engee: LocalEngee, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PythonNotebook]:
    shared_local_engee.reset()  # this runs before `local_engee` does, on what another module's last test has left
    environment = environment_of(shared_local_engee, {"workspace": "notebook"})
    with PythonNotebook(tmp_path_factory.mktemp("python"), environment) as notebook:
        assert notebook.run("%load_ext engee_kernel").status == "ok"
        notebook.run("%engee 1", timeout_s=120)
        yield notebook


@pytest.fixture
def python(shared_python: PythonNotebook, local_engee: LocalEngee) -> PythonNotebook:
    """The module's Python notebook, the extension loaded."""
    return shared_python


@pytest.fixture
def new_python(tmp_path: Path) -> Iterator[NotebookFactory]:
    """`new_python(engee, blocked=("numpy",), mode="plain")`: a notebook of the test's own, the extension loaded."""
    started: list[PythonNotebook] = []

    def start(engee: LocalEngee, blocked: Sequence[str] = (), **settings: Any) -> PythonNotebook:
        folder = tmp_path / f"python-{len(started)}"
        started.append(PythonNotebook(folder, environment_of(engee, settings), blocked))
        started[-1].start()
        assert started[-1].run("%load_ext engee_kernel").status == "ok"
        return started[-1]

    yield start
    for notebook in started:
        if notebook.client is not None:
            notebook.end()
