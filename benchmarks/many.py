"""Many kernels on one machine, as for a course: their start, the memory of each, and that no result is another's."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

import psutil

from engee_kernel.emulator.process import LocalEngee

from .figures import Table, figure
from .kernels import ENGEE, IPYKERNEL, Measured, kernels

MEBIBYTE = 2**20
CELLS = {"julia": "1000mine_{0} + {1}^2", "python": "1000 * mine_{0} + {1}**2"}


@dataclass(frozen=True)
class Seen:
    """Of all kernels of a kind together; memory is the median of one."""

    start_s: float
    cells_s: float
    started_mib: float
    worked_mib: float


def many(table: Table, *, quick: bool) -> None:
    count, rounds = (6, 3) if quick else (30, 10)
    peer = _measured(IPYKERNEL, {}, "python", count, rounds)
    with LocalEngee() as engee:
        own = _measured(ENGEE, {"ENGEE_URL": engee.url, "ENGEE_TOKEN": engee.token}, "julia", count, rounds)
    name = f"{count} ipykernels"
    note = "behind its first answer a kernel gets ready for its first cell, while others still start"
    table.add(f"{count} kernels, start to ready", figure(own.start_s, "s", name, peer.start_s, None, note))
    kind = "PSS" if hasattr(psutil.Process().memory_full_info(), "pss") else "RSS, as this system knows no PSS"
    table.add("memory of each", figure(own.started_mib, "MiB", name, peer.started_mib, 1.1, f"{kind}; the median"))
    worked = figure(own.worked_mib, "MiB", name, peer.worked_mib, 1.1, f"{kind}; the median after {rounds} cells")
    table.add("memory of each that has worked", worked)
    note = "each result was looked at; all of these kernels share one Julia"
    table.add(f"{count * rounds} cells", figure(own.cells_s, "s", name, peer.cells_s, None, note))


def _measured(arguments: list[str], environment: dict[str, str], language: str, count: int, rounds: int) -> Seen:
    began = time.perf_counter()
    with kernels(count, arguments, environment) as running:
        start_s = time.perf_counter() - began
        started = _memory_mib(running)
        for number, one in enumerate(running):
            one.result(one.send(f"mine_{number} = {number}"))
        began = time.perf_counter()
        for turn in range(rounds):
            # all at once: each kernel has its cell before the first result is taken
            sent = [one.send(CELLS[language].format(number, turn)) for number, one in enumerate(running)]
            results = [one.result(cell) for one, cell in zip(running, sent, strict=True)]
            assert results == [str(1000 * number + turn**2) for number in range(count)], results
        return Seen(start_s, time.perf_counter() - began, started, _memory_mib(running))


def _memory_mib(running: list[Measured]) -> float:
    return median(one.share_bytes() for one in running) / MEBIBYTE
