"""Kernels as Jupyter starts them, on local Engees with a real Julia."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from frontend import Frontend, KernelFactory

from engee_kernel.emulator.process import LocalEngee


def environment_of(engee: LocalEngee | None, settings: dict[str, Any]) -> dict[str, str]:
    """`mode="plain"` → ENGEE_MODE=plain."""
    variables = {f"ENGEE_{name.upper()}": str(value) for name, value in settings.items() if value is not None}
    if engee is not None:
        variables = {"ENGEE_URL": engee.url, "ENGEE_TOKEN": engee.token} | variables
    return variables


@pytest.fixture
def kernel_factory(tmp_path: Path) -> Iterator[KernelFactory]:
    """`kernel_factory(engee, mode="plain", …)` starts a kernel of the test's own; settings become ENGEE_… variables."""
    started: list[Frontend] = []

    def start(engee: LocalEngee | None = None, **settings: Any) -> Frontend:
        folder = tmp_path / f"kernel-{len(started)}"
        started.append(Frontend(folder, environment_of(engee, settings)))
        return started[-1].start()

    yield start
    for kernel in started:
        if kernel.client is not None:
            kernel.end()


def _shared(shared_local_engee: LocalEngee, folders: pytest.TempPathFactory, mode: str) -> Iterator[Frontend]:
    shared_local_engee.reset()  # this runs before `local_engee` does, on what another module's last test has left
    with Frontend(folders.mktemp(f"shared-{mode}"), environment_of(shared_local_engee, {"mode": mode})) as kernel:
        kernel.run("1", timeout_s=120)  # a Julia that is new compiles the agent for some seconds
        yield kernel


@pytest.fixture(scope="module")
def shared_plain(shared_local_engee: LocalEngee, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontend]:
    yield from _shared(shared_local_engee, tmp_path_factory, "plain")


@pytest.fixture(scope="module")
def shared_agent(shared_local_engee: LocalEngee, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontend]:
    yield from _shared(shared_local_engee, tmp_path_factory, "agent")


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
