"""One line of the table, and the report of all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median


@dataclass
class Figure:
    """`ratio` is value / peer_value; `aim` the largest ratio that is good, None where there is no peer to match."""

    value: float
    unit: str
    peer: str
    peer_value: float
    ratio: float
    aim: float | None
    holds: bool | None
    note: str = ""


def figure(value: float, unit: str, peer: str, peer_value: float, aim: float | None, note: str = "") -> Figure:
    ratio = value / peer_value
    return Figure(value, unit, peer, peer_value, ratio, aim, None if aim is None else ratio <= aim, note)


def bounded(value: float, unit: str, aim: float, note: str = "") -> Figure:
    """A figure with a limit of its own in place of a peer."""
    return figure(value, unit, f"limit {aim:g} {unit}", aim, 1.0, note)


def milliseconds(measure: Callable[[], float], rounds: int) -> float:
    """The median of `rounds` measures in seconds, in milliseconds."""
    return 1000 * median(measure() for _ in range(rounds))


class Table:
    """Prints each figure as it comes and keeps it."""

    def __init__(self) -> None:
        self._figures: dict[str, Figure] = {}

    def add(self, name: str, measured: Figure) -> None:
        self._figures[name] = measured
        mark = {True: "holds", False: "FAILS", None: ""}[measured.holds]
        aim = "" if measured.aim is None else f"aim ≤ {measured.aim:g}"
        print(
            f"{name:34} {measured.value:10.2f} {measured.unit:5} {measured.peer:24} {measured.peer_value:10.2f} "
            f"{measured.ratio:7.2f} {aim:10} {mark}",
            flush=True,
        )
        if measured.note:
            print(f"    {measured.note}", flush=True)

    def write(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        report = {name: asdict(measured) for name, measured in self._figures.items()}
        path.write_text(json.dumps(report, indent=1, ensure_ascii=False), encoding="utf-8")
