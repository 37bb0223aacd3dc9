"""Kernels of a test's own, each in a folder of its own; they are ended after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from frontend import Frontend, KernelFactory

from engee_kernel.emulator.process import LocalEngee


def environment_of(engee: LocalEngee | None, settings: dict[str, Any]) -> dict[str, str]:
    """`mode="plain"` → ENGEE_MODE=plain."""
    variables = {f"ENGEE_{name.upper()}": str(value) for name, value in settings.items() if value is not None}
    if engee is not None:
        variables = {"ENGEE_URL": engee.url, "ENGEE_TOKEN": engee.token} | variables
    return variables


def kernels_in(folder: Path) -> Iterator[KernelFactory]:
    """`start(engee, mode="plain", …)` starts a kernel; settings become ENGEE_… variables."""
    started: list[Frontend] = []

    def start(engee: LocalEngee | None = None, **settings: Any) -> Frontend:
        started.append(Frontend(folder / f"kernel-{len(started)}", environment_of(engee, settings)))
        return started[-1].start()

    yield start
    for kernel in started:
        if kernel.client is not None:
            kernel.end()


def shared_kernel(engee: LocalEngee, folder: Path, **settings: Any) -> Iterator[Frontend]:
    """A module's kernel, which has run a first cell: a Julia that is new compiles the agent for some seconds."""
    engee.reset()  # this runs before `local_engee` does, on what another module's last test has left
    with Frontend(folder, environment_of(engee, settings)) as kernel:
        kernel.run("1", timeout_s=120)
        yield kernel
