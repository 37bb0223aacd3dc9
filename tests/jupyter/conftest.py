"""Kernels as Jupyter starts them, on local Engees with a real Julia."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from factories import kernels_in, shared_kernel
from frontend import Frontend, KernelFactory

from engee_kernel.emulator.process import LocalEngee


@pytest.fixture
def kernel_factory(tmp_path: Path) -> Iterator[KernelFactory]:
    """`kernel_factory(engee, mode="plain", …)` starts a kernel of the test's own; settings become ENGEE_… variables."""
    yield from kernels_in(tmp_path)


@pytest.fixture(scope="module")
def shared_plain(shared_local_engee: LocalEngee, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontend]:
    yield from shared_kernel(shared_local_engee, tmp_path_factory.mktemp("shared-plain"), mode="plain")


@pytest.fixture(scope="module")
def shared_agent(shared_local_engee: LocalEngee, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontend]:
    yield from shared_kernel(shared_local_engee, tmp_path_factory.mktemp("shared-agent"), mode="agent")


@pytest.fixture
def plain(shared_plain: Frontend, local_engee: LocalEngee) -> Frontend:
    """The module's kernel in plain mode, on the shared local Engee."""
    return shared_plain


@pytest.fixture
def agent(shared_agent: Frontend, local_engee: LocalEngee) -> Frontend:
    """The module's kernel with the agent, on the shared local Engee."""
    return shared_agent


@pytest.fixture(params=["plain", "agent"])
def kernel(request: pytest.FixtureRequest) -> Frontend:
    """The module's kernel, in both modes."""
    kernel = request.getfixturevalue(request.param)
    assert isinstance(kernel, Frontend)
    return kernel
