"""Notebooks of the Engee kernel for its code magics: a workspace of its own each, so that Main stays clean."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engee_kernel.emulator.process import LocalEngee

sys.path.insert(0, str(Path(__file__).parent.parent / "jupyter"))

from factories import kernels_in, shared_kernel
from frontend import Frontend

NotebookFactory = Callable[..., Frontend]


@pytest.fixture(scope="module")
def shared_notebook(shared_local_engee: LocalEngee, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontend]:
    yield from shared_kernel(shared_local_engee, tmp_path_factory.mktemp("code-magics"), workspace="notebook")


@pytest.fixture
def notebook(shared_notebook: Frontend, local_engee: LocalEngee) -> Frontend:
    """The module's kernel, in the notebook's own workspace."""
    return shared_notebook


@pytest.fixture
def new_notebook(tmp_path: Path) -> Iterator[NotebookFactory]:
    """`new_notebook(engee, mode="plain")`: a kernel of the test's own."""
    yield from kernels_in(tmp_path)
