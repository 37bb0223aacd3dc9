"""Kernels on local Engees of the test's own, whose servers may be stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from frontend import Frontend

from engee_kernel.emulator.process import LocalEngee

StartKernel = Callable[..., Frontend]


@pytest.fixture
def start_kernel(tmp_path: Path) -> Iterator[StartKernel]:
    """`start_kernel(engee, auto_start=False, …)`: settings become ENGEE_… variables."""
    kernels: list[Frontend] = []

    def begin(engee: LocalEngee, **settings: Any) -> Frontend:
        environment = {"ENGEE_URL": engee.url, "ENGEE_TOKEN": engee.token}
        environment |= {f"ENGEE_{name.upper()}": str(value) for name, value in settings.items()}
        kernels.append(Frontend(tmp_path / f"kernel-{len(kernels)}", environment))
        return kernels[-1].start()

    yield begin
    for kernel in kernels:
        if kernel.client is not None:
            kernel.end()


def calls(engee: LocalEngee, part: str) -> int:
    """How many calls there were whose method and path hold `part`."""
    return sum(part in f"{call['method']} {call['path']}" for call in engee.requests())
