"""What a notebook may be asked to run, and what is known beforehand of each cell."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

CELLS = Path(__file__).parent / "cells"
ANSWER = "да, α 🙂"


@dataclass
class Plan:
    """One cell. What `streams` and `displays` hold is seen in this order; of a cell that fails, a beginning of it.

    `counted`: the cell writes its key to a file in /user as soon as it runs. `lasts_s`: the code alone, undisturbed.
    """

    kind: str
    key: str
    code: str
    result: str | None = None
    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)
    displays: list[str] = field(default_factory=list)
    raises: str | None = None
    counted: bool = True
    lasts_s: float = 0.1
    takes_input: bool = False
    interrupt_after_s: float | None = None
    is_job: bool = False
    is_detached: bool = False
    upload: tuple[Path, str] | None = None
    download: tuple[str, Path] | None = None


def cell(kind: str, key: str, number: int, *, lines: int = 0, pause_s: float = 0.0) -> Plan:
    """A plan of the template of that name."""
    code = (CELLS / "count.jl").read_text(encoding="utf-8") + (CELLS / f"{kind}.jl").read_text(encoding="utf-8")
    values = {"KEY": key, "NUMBER": str(number), "LINES": str(lines), "PAUSE": f"{pause_s:.3f}"}
    for name, value in values.items():
        code = code.replace(name, value)
    plan = Plan(kind, key, code.rstrip("\n"), result=str(number), lasts_s=0.2 + max(lines, 1) * pause_s)
    count = range(1, lines + 1)
    if kind in ("printing", "flood", "raising"):
        plan.stdout = [f"{key} line {i}" for i in count]
    if kind == "printing":
        plan.stderr = [f"{key} warning {i}" for i in count]
    elif kind == "displays":
        plan.displays = [f"<p>{key} shown {i}</p>" for i in count]
    elif kind == "raising":
        plan.raises, plan.result = "ErrorException", None
    elif kind == "prompting":
        plan.stdout = [f"{key} asks {i}: {key} got {ANSWER}" for i in count]
        plan.takes_input = True
    return plan


class Deck:
    """Deals the cells of one notebook. `mode`: "agent" or "plain"."""

    def __init__(self, name: str, mode: str, chance: random.Random, local: Path) -> None:
        self.name = name
        self.mode = mode
        self._chance = chance
        self._local = local
        self._dealt = 0
        self._uploads = 0
        kinds = [self.short, self.short, self.printing, self.printing, self.long, self.raising, self.busy, self.job]
        kinds += [self.interrupted, self.interrupted]
        if mode == "agent":
            kinds += [self.flood, self.displays, self.displays, self.prompting, self.prompting, self.detached]
            kinds += [self.upload, self.upload, self.download, self.download]
        self._kinds: list[Callable[[], Plan]] = kinds

    def deal(self) -> list[Plan]:
        """What is sent at once: mostly one cell, sometimes several, as by “run all”."""
        if self._chance.random() < 0.15:
            return [self.printing() for _ in range(self._chance.randint(2, 4))]
        return [self._chance.choice(self._kinds)()]

    def short(self) -> Plan:
        return self._new("short")

    def printing(self) -> Plan:
        return self._new("printing", lines=self._chance.randint(1, 12), pause_s=self._chance.choice([0.0, 0.02, 0.1]))

    def long(self) -> Plan:
        return self._new("printing", lines=self._chance.randint(10, 20), pause_s=0.25)

    def flood(self) -> Plan:
        return self._new("flood", lines=self._chance.randint(2_000, 20_000))

    def displays(self) -> Plan:
        return self._new("displays", lines=self._chance.randint(1, 10), pause_s=self._chance.choice([0.0, 0.05, 0.3]))

    def raising(self) -> Plan:
        return self._new("raising", lines=self._chance.randint(0, 5), pause_s=self._chance.choice([0.0, 0.3]))

    def prompting(self) -> Plan:
        return self._new("prompting", lines=self._chance.randint(1, 3))

    def busy(self) -> Plan:
        return self._new("busy", pause_s=self._chance.uniform(0.3, 2.0))

    def interrupted(self) -> Plan:
        plan = self._new("printing", lines=40, pause_s=0.2)
        plan.kind, plan.interrupt_after_s = "interrupted", self._chance.choice([0.0, 0.1, 0.5, 1.0, 1.5, 3.0])
        return plan

    def job(self) -> Plan:
        plan = self._new("printing", lines=self._chance.randint(1, 10), pause_s=0.2)
        plan.kind, plan.is_job, plan.code = "job", True, f"%%job --name {plan.key}\n{plan.code}"
        return plan

    def detached(self) -> Plan:
        plan = self._new("printing", lines=self._chance.randint(1, 10), pause_s=0.2)
        plan.kind, plan.is_job, plan.is_detached = "detached", True, True
        plan.code = f"%%job --detach --name {plan.key}\n{plan.code}"
        return plan

    def upload(self) -> Plan:
        self._uploads += 1
        source = self._local / f"{self.name} source {self._uploads}.bin"
        source.write_bytes(self._chance.randbytes(self._chance.choice([0, 1, 5_000, 700_000])))
        target = f"data {self.name}.bin"
        plan = Plan("upload", self._key(), f'%upload "{source}" --to "/user/данные"', counted=False)
        plan.code = f'%upload "{self._renamed(source, target)}" --to "/user/данные"'
        plan.upload = (source.parent / "out" / target, f"данные/{target}")
        plan.lasts_s = 1.0
        return plan

    def download(self) -> Plan:
        target = self._local / "in" / f"копия {self._chance.randint(1, 3)}.bin"
        name = self._chance.choice(["small.bin", "large.bin"])
        code = f'%download "/user/{name}" --to "{target}" --force'
        return Plan("download", self._key(), code, counted=False, download=(name, target), lasts_s=1.0)

    def check(self) -> Plan:
        """The cell that must run once the faults are gone."""
        return self._new("short")

    def _renamed(self, source: Path, name: str) -> Path:
        folder = source.parent / "out"
        folder.mkdir(exist_ok=True)
        return source.replace(folder / name)

    def _new(self, kind: str, *, lines: int = 0, pause_s: float = 0.0) -> Plan:
        key = self._key()
        return cell(kind, key, 1_000_000 + self._dealt, lines=lines, pause_s=pause_s)

    def _key(self) -> str:
        self._dealt += 1
        return f"{self.name}{self._dealt}x"
