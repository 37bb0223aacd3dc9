"""Many cells and jobs in one kernel: does it forget what is over?

`python -m tests.faults.soak --cells 2000 --jobs 200`, from the root of the checkout.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from frontend import Frontend

from engee_kernel import agent
from engee_kernel.api.client import EngeeClient
from engee_kernel.emulator.process import LocalEngee

LIMIT_S = 120.0
WARM_UP = 0.2
MIB = 2**20
# Julia keeps some of what it compiles for each cell, the kernel its history: a leak of outputs is far beyond this
KERNEL_GROWTH_BYTES = 12 * MIB
GROWTH_PER_CELL_BYTES = 4096
JULIA_GROWTH_BYTES = 48 * MIB
JULIA_PER_CELL_BYTES = 64 * 1024
KEPT_CELLS = 8


@dataclass(frozen=True)
class Memory:
    """`kernel`: its resident bytes. `julia`: what is alive in Julia after a collection. The rest is the agent's."""

    kernel: int
    julia: int
    cells_kept: int
    events_bytes: int

    def text(self) -> str:
        return (
            f"kernel {self.kernel / MIB:.1f} MiB, Julia {self.julia / MIB:.1f} MiB alive, "
            f"agent keeps {self.cells_kept} cells with {self.events_bytes} bytes of events"
        )


@dataclass(frozen=True)
class Outcome:
    cells: int
    jobs: int
    seconds: float
    warm: Memory
    end: Memory

    def troubles(self) -> list[str]:
        """What is not flat."""
        done = self.cells + self.jobs
        grown = [
            ("the kernel", self.end.kernel - self.warm.kernel, KERNEL_GROWTH_BYTES + done * GROWTH_PER_CELL_BYTES),
            ("Julia", self.end.julia - self.warm.julia, JULIA_GROWTH_BYTES + done * JULIA_PER_CELL_BYTES),
        ]
        found = [
            f"{who} grew by {by / MIB:.1f} MiB, {limit / MIB:.1f} are allowed" for who, by, limit in grown if by > limit
        ]
        if self.end.cells_kept > KEPT_CELLS:
            found.append(f"the agent keeps {self.end.cells_kept} finished cells")
        return found

    def text(self) -> str:
        return (
            f"{self.cells} cells and {self.jobs} jobs in {self.seconds:.0f} s\n"
            f"  warm: {self.warm.text()}\n  end:  {self.end.text()}"
        )


def soak(cells: int, jobs: int, folder: Path, say: Callable[[str], None] = lambda text: None) -> Outcome:
    """Raises AssertionError when a cell does not do what it should, LateError when one does not end."""
    with LocalEngee() as engee:
        variables = {"ENGEE_URL": engee.url, "ENGEE_TOKEN": engee.token, "ENGEE_STATE_DIR": str(folder / "state")}
        with Frontend(folder, variables) as kernel:
            kernel.run("soaked = 0", LIMIT_S)
            began = time.monotonic()
            turns = cells + jobs
            every = max(1, turns // max(1, jobs))
            done_jobs = 0
            warm: Memory | None = None
            for turn in range(1, turns + 1):
                is_job = done_jobs < jobs and (turn % every == 0 or turns - turn < jobs - done_jobs)
                done_jobs += is_job
                _one(kernel, turn, is_job)
                if turn % max(1, turns // 20) == 0:
                    say(f"{time.monotonic() - began:6.0f} s, {turn} of {turns}: {memory(kernel, engee).text()}")
                if warm is None and turn >= WARM_UP * turns:
                    warm = memory(kernel, engee)
            assert kernel.value("soaked") == str(turns)
            assert warm is not None
            return Outcome(turns - done_jobs, done_jobs, time.monotonic() - began, warm, memory(kernel, engee))


def _one(kernel: Frontend, turn: int, is_job: bool) -> None:
    lines = turn % 40
    code = f'global soaked += 1\nfor i in 1:{lines}\n    println("{turn} ", i)\nend\n'
    if turn % 7 == 0:
        code += f'display("text/html", "<p>{turn}</p>" * "x"^10_000)\n'
    fails = turn % 50 == 0
    code += f'error("{turn}")' if fails else f"{turn}"
    cell = kernel.run(("%%job\n" if is_job else "") + code, LIMIT_S)
    assert cell.text() == "".join(f"{turn} {i}\n" for i in range(1, lines + 1)), cell
    assert cell.status == ("error" if fails else "ok"), cell
    assert fails or cell.result == str(turn), cell
    # as a front end does that shows a cell and forgets its messages
    kernel._cells.clear()


def memory(kernel: Frontend, engee: LocalEngee) -> Memory:
    async def asked() -> dict[str, int]:
        async with EngeeClient(engee.url, engee.token) as client:
            epoch = json.loads(await client.eval(agent.install_command()))["epoch"]
            await client.eval("GC.gc(); GC.gc()")
            return dict(json.loads(await client.eval(agent.call("metrics", epoch))))

    metrics = asyncio.run(asked())
    kernel_bytes = psutil.Process(kernel.pid).memory_info().rss
    return Memory(kernel_bytes, metrics["gc_live_bytes"], metrics["cells_kept"], metrics["events_bytes"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description="Many cells in one kernel.")
    parser.add_argument("--cells", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=200)
    arguments = parser.parse_args()

    def say(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory(prefix="engee-soak-") as folder:
        outcome = soak(arguments.cells, arguments.jobs, Path(folder), say)
    say(outcome.text())
    for trouble in outcome.troubles():
        say(f"NOT FLAT: {trouble}")
    return 1 if outcome.troubles() else 0


if __name__ == "__main__":
    sys.exit(main())
