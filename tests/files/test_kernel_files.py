"""Transfers in a kernel that Jupyter started: the bar, the interrupt, the shutdown."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engee_kernel.emulator.process import LocalEngee

from .conftest import left_behind, tree

sys.path.insert(0, str(Path(__file__).parents[1] / "jupyter"))
from frontend import Frontend

SLOW = {"kind": "latency", "path": "command/eval", "contains": ":sha256,", "delay_s": 2.0}
ENDLESS = SLOW | {"delay_s": 60.0}


@pytest.fixture
def kernel(tmp_path: Path, local_engee: LocalEngee, user: Path, here: Path) -> Iterator[Frontend]:
    """In the folder `here`."""
    settings = {"ENGEE_URL": local_engee.url, "ENGEE_TOKEN": local_engee.token}
    made = Frontend(tmp_path / "jupyter", settings)
    with made:
        yield made


def test_a_long_transfer_shows_a_bar_and_a_short_one_none(
    kernel: Frontend, local_engee: LocalEngee, user: Path, here: Path
) -> None:
    (here / "a.bin").write_bytes(os.urandom(3_000_000))
    kernel.run("%pwd")
    cell = kernel.run("%upload a.bin")
    assert cell.status == "ok", cell.traceback
    assert "checksum agrees" in str(cell.outputs)
    local_engee.faults(SLOW)
    cell = kernel.run("%upload a.bin")
    bar = cell.text()
    assert bar.startswith("\r")
    assert "3.00M" in bar or "2.86M" in bar
    assert "100%" in bar
    assert "comparing" in bar
    assert cell.text("stderr") == ""
    assert tree(user) == {"a.bin": (here / "a.bin").read_bytes()}


@pytest.mark.parametrize("line", ["%upload a.bin b.bin --to up", "%download a.bin b.bin --to down"])
def test_the_stop_button_leaves_nothing_half_written(
    kernel: Frontend, local_engee: LocalEngee, user: Path, here: Path, line: str
) -> None:
    place = here if "upload" in line else user
    for name in ("a.bin", "b.bin"):
        (place / name).write_bytes(os.urandom(3_000_000))
    before = tree(user), tree(here)
    local_engee.faults(ENDLESS)
    cell = kernel.send(line)
    kernel.until(lambda: left_behind(user) or left_behind(here))
    kernel.pause(0.5)
    kernel.interrupt()
    kernel.finish(cell, 20)
    assert cell.status == "error"
    assert "Interrupted" in cell.traceback
    assert (tree(user), tree(here)) == before
    local_engee.faults()
    assert kernel.run(line).status == "ok"


def test_a_shutdown_leaves_nothing_half_written(
    tmp_path: Path, local_engee: LocalEngee, user: Path, here: Path
) -> None:
    (here / "a.bin").write_bytes(os.urandom(3_000_000))
    local_engee.faults(ENDLESS)
    kernel = Frontend(tmp_path / "jupyter", {"ENGEE_URL": local_engee.url, "ENGEE_TOKEN": local_engee.token})
    with kernel:
        kernel.send("%upload a.bin")
        kernel.until(lambda: left_behind(user))
    assert tree(user) == {}
