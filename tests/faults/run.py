"""A row of worlds from one seed, its log, and how to repeat what went wrong."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .world import World

ROUNDS = 12
LOG_LINES = 80


@dataclass
class Report:
    seed: int
    worlds: int = 0
    cells: int = 0
    minutes: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    longest_wait: tuple[float, str] = (0.0, "")
    failures: list[str] = field(default_factory=list)

    def text(self) -> str:
        said = ", ".join(f"{name} {count}" for name, count in self.outcomes.most_common())
        return (
            f"seed {self.seed}: {self.cells} cells in {self.worlds} worlds, {self.minutes:.1f} min, "
            f"{len(self.failures)} failures\n  replies: {said}\n"
            f"  longest wait beyond code and weather: {self.longest_wait[0]} s ({self.longest_wait[1]})"
        )


def run(
    seed: int,
    minutes: float,
    *,
    first: int = 0,
    worlds: int | None = None,
    keep_going: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> Report:
    """Worlds from number `first` on, until the minutes are over (no new round then) or `worlds` are done."""
    report = Report(seed)
    began = time.monotonic()
    until = began + 60 * minutes
    while time.monotonic() < until and (worlds is None or report.worlds < worlds):
        number = first + report.worlds
        failure = _live(seed, number, until, report, say)
        report.worlds += 1
        if failure:
            report.failures.append(failure)
            say(failure)
            if not keep_going:
                break
    report.minutes = (time.monotonic() - began) / 60
    say(report.text())
    return report


def _live(seed: int, number: int, until: float, report: Report, say: Callable[[str], None]) -> str:
    """One world; what went wrong in it, "" for nothing."""
    log: list[str] = []
    began = time.monotonic()

    def note(text: str) -> None:
        log.append(f"{time.monotonic() - began:6.1f} s {text}")
        say(log[-1])

    folder = Path(tempfile.mkdtemp(prefix="engee-faults-"))
    world = World(folder, random.Random(f"{seed}/{number}"), note)
    note(f"world {number} of seed {seed}")
    try:
        world.live(until, ROUNDS)
    except Exception as error:  # the boundary: whatever went wrong is a finding, told with its log
        kept = f"\n{traceback.format_exc()}" if not isinstance(error, AssertionError) else ""
        steps = "\n".join(log[-LOG_LINES:])
        return (
            f"FAILED: {error}{kept}\n\nsteps:\n{steps}\n\n"
            f"To repeat it: python -m tests.faults --seed {seed} --world {number}\n"
        )
    finally:
        report.cells += world.cells
        report.outcomes += world.outcomes
        report.longest_wait = max(report.longest_wait, world.longest_wait)
        shutil.rmtree(folder, ignore_errors=True)
    return ""
