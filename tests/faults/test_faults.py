"""A minute of bad weather, and a short soak. Longer ones: `make soak MINUTES=30`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .run import run
from .soak import soak

CELLS, JOBS = 150, 15


def say(text: str) -> None:
    """Into what pytest shows of a test that fails."""
    sys.stdout.write(f"{text}\n")


@pytest.mark.slow
@pytest.mark.julia
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [11, 12])
def test_kernels_in_bad_weather(seed: int, julia: Path) -> None:
    """About half a minute; what the machine needs to start two kernels and to compile the agent comes on top."""
    report = run(seed, 0.6, say=say)
    assert not report.failures, report.failures[0]
    assert report.outcomes["ok"] > 0


@pytest.mark.slow
@pytest.mark.julia
@pytest.mark.timeout(600)
def test_a_kernel_forgets_what_is_over(tmp_path: Path, julia: Path) -> None:
    outcome = soak(CELLS, JOBS, tmp_path, say)
    say(outcome.text())
    assert not outcome.troubles(), outcome.text()
