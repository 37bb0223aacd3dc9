"""What people meet in a Julia that has just been started: the first cell, the first error, Tab, an interrupt.

Each session is a local Engee of its own, with a folder /user of its own unless a second start is measured. It has the
streams, packages and threads that were seen in Engee; its background tasks are off, for whom they meet is chance.
Julia's files are in the disk's cache (one start that isn't counted comes first); nothing of the agent is compiled.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil

from engee_kernel.emulator.julia import find_julia
from engee_kernel.emulator.process import LocalEngee

from .figures import Figure, Table, bounded, figure
from .kernels import ENGEE, Measured, kernel
from .requests import explain, first_commands

LOOP = "while true; sleep(0.1); end"
INTERRUPTED_AFTER_S = 0.5
PEER = "Julia's own start"
BUILD_LIMIT_S = 180.0
IMAGES_SINCE = (1, 9)


@dataclass(frozen=True)
class Took:
    """Seconds of wall time, and of Julia's processor time, which others on the machine change less."""

    wall_s: float
    cpu_s: float


def middle(measured: list[Took]) -> Took:
    return Took(median(one.wall_s for one in measured), median(one.cpu_s for one in measured))


@dataclass
class Sitting:
    """A fresh Julia, a kernel that has just become ready, and what the local Engee was asked since."""

    engee: LocalEngee
    kernel: Measured
    julia: psutil.Process
    first_calls: list[dict[str, Any]] = field(default_factory=list)

    def first(self) -> Took:
        return self.took(lambda: self.kernel.reply_s("1+1"))

    def took(self, measure: Callable[[], float]) -> Took:
        used_s = self.cpu_s()
        return Took(measure(), self.cpu_s() - used_s)

    def cpu_s(self) -> float:
        times = self.julia.cpu_times()
        return float(times.user + times.system)


@dataclass
class Cold:
    """`rounds`: how many sessions; `silence_s`: for how long an idle session is watched; `delays_s`: when the loop
    that is interrupted starts after the first cell."""

    rounds: int
    silence_s: float
    delays_s: tuple[float, ...]
    own_s: list[float] = field(default_factory=list)
    first: list[Took] = field(default_factory=list)
    since_start_s: list[float] = field(default_factory=list)

    def run(self, table: Table) -> None:
        libraries = agent_libraries()
        version = own_start(libraries)[1]
        print(f"Julia {version}, its own start with {', '.join(libraries)}\n", flush=True)
        after = self._sittings()
        second, silent_s, busy_s = self._second_sitting(version)
        interrupts = [self._interrupt(delay_s) for delay_s in self.delays_s]
        own_s = median(self.own_s)

        def against_own(took: Took, aim: float | None, note: str) -> Figure:
            return figure(took.wall_s, "s", PEER, own_s, aim, f"{took.cpu_s:.2f} s of Julia's processor time; {note}")

        def from_start(wait: Took, aim: float | None, note: str) -> Figure:
            note = f"Julia's own start and {wait.wall_s:.2f} s from sending the cell to its reply; {note}"
            return against_own(Took(own_s + wait.wall_s, wait.cpu_s), aim, note)

        note = f"median of {len(self.first)} sessions"
        table.add("first 1+1 in a fresh Julia", from_start(middle(self.first), 4.0, note))
        with_start = Took(own_s + median(self.since_start_s), middle(self.first).cpu_s)
        note = "the same, and the kernel's own start, which has begun with the agent"
        table.add("start of a kernel to first 1+1 in it", against_own(with_start, None, note))
        for name, (kind, aim) in {
            "first error after it": ("error", 0.8),
            "first Tab": ("tab", 0.5),
            "first Shift+Tab": ("inspect", 1.5),
        }.items():
            table.add(name, against_own(middle(after[kind]), aim, f"median of {len(after[kind])}, in this order"))
        untrue = [
            f"{delay_s:g} s: {said}" for delay_s, (_, said) in zip(self.delays_s, interrupts, strict=True) if said
        ]
        starts = ", ".join(f"{delay_s:g}" for delay_s in self.delays_s)
        note = f"a loop started {starts} s after the first cell, the slowest" + "".join(
            f"; said after {one}" for one in untrue
        )
        slowest = bounded(max(took_s for took_s, _ in interrupts), "s", 1.0, note)
        slowest.holds = bool(slowest.holds) and not untrue
        table.add("interrupt after a first cell", slowest)
        note = f"watched for {self.silence_s:g} s after the first cell; Julia used {busy_s:.1f} s of processor time"
        table.add("longest silence of an idle session", bounded(silent_s, "s", 0.2, note))
        has_images = tuple(map(int, version.split(".")[:2])) >= IMAGES_SINCE
        note = "" if has_images else f"Julia {version} has no package images: the same as a first start"
        table.add("first 1+1, second start, same disk", from_start(second, 2.0 if has_images else None, note))

    def _sittings(self) -> dict[str, list[Took]]:
        after: dict[str, list[Took]] = {"error": [], "tab": [], "inspect": []}
        calls: list[dict[str, Any]] = []
        for _ in range(self.rounds):
            with self._sitting() as sitting:
                asked = sitting.kernel
                after["error"].append(sitting.took(lambda: asked.error_s('error("x")')[0]))  # noqa: B023 - at once
                after["tab"].append(sitting.took(lambda: asked.complete_s("printl")))  # noqa: B023
                after["inspect"].append(sitting.took(lambda: asked.inspect_s("sqrt")))  # noqa: B023
                calls = calls or sitting.first_calls
        print_requests(calls)  # not before: Julia would have had time to warm up
        return after

    def _second_sitting(self, version: str) -> tuple[Took, float, float]:
        """The first cell on a disk that an earlier Julia has used, and what that one was like while nobody used it."""
        with tempfile.TemporaryDirectory(prefix="engee-bench-user-", ignore_cleanup_errors=True) as name:
            with self._sitting(Path(name)) as sitting:
                used_s = sitting.cpu_s()
                silent_s = longest_silence_s(sitting.engee, self.silence_s)
                busy_s = sitting.cpu_s() - used_s
                if tuple(map(int, version.split(".")[:2])) >= IMAGES_SINCE:
                    wait_for_children(sitting.julia)
            with fresh(Path(name)) as sitting:
                return sitting.first(), silent_s, busy_s

    def _interrupt(self, delay_s: float) -> tuple[float, str]:
        """How long it took, and what was said in place of the truth."""
        with self._sitting() as sitting:
            time.sleep(delay_s)
            took_s, name = sitting.kernel.interrupt_s(LOOP, after_s=INTERRUPTED_AFTER_S)
            return took_s, "" if name == "InterruptException" else name

    @contextmanager
    def _sitting(self, user_dir: Path | None = None) -> Iterator[Sitting]:
        """A session whose first cell has run."""
        self.own_s.append(own_start(agent_libraries())[0])
        with fresh(user_dir) as sitting:
            self.first.append(sitting.first())
            self.since_start_s.append(sitting.kernel.since_start_s())
            sitting.first_calls = sitting.engee.requests()
            yield sitting


@contextmanager
def fresh(user_dir: Path | None = None) -> Iterator[Sitting]:
    with LocalEngee(user_dir, like_engee=True, background=0) as engee:
        pid = engee.julia_pid()
        assert pid is not None
        with kernel(ENGEE, {"ENGEE_URL": engee.url, "ENGEE_TOKEN": engee.token}) as measured:
            yield Sitting(engee, measured, psutil.Process(pid))


def agent_libraries() -> list[str]:
    """The packages of the standard library that the agent's pieces take when they are defined.

    Not Logging and Pkg: a cell that logs, or a line that begins with `]`, brings them.
    """
    folder = resources.files("engee_kernel.agent")
    assert isinstance(folder, Path)
    loads = re.compile(r'^const .*library\("[-0-9a-f]+", "(\w+)"\)', re.MULTILINE)
    return sorted({name for path in folder.rglob("*.jl") for name in loads.findall(path.read_text(encoding="utf-8"))})


def own_start(libraries: list[str]) -> tuple[float, str]:
    """Seconds that Julia takes to start with these and to end, and its version."""
    loading = "".join(f"using {name}; " for name in libraries)
    began = time.perf_counter()
    done = subprocess.run(
        [str(find_julia()), "--startup-file=no", "--history-file=no", "-e", f"{loading}print(VERSION)"],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ,
    )
    return time.perf_counter() - began, done.stdout.strip()


def longest_silence_s(engee: LocalEngee, during_s: float) -> float:
    """The longest time that a request for nothing took, asked again and again past the agent."""
    longest = 0.0
    headers = {"Authorization": f"Bearer {engee.token}"}
    with httpx.Client(base_url=engee.session_url, headers=headers, timeout=120) as http:
        ends = time.perf_counter() + during_s
        while (asked := time.perf_counter()) < ends:
            http.post("external/command/eval", json={"command": "nothing"}).raise_for_status()
            longest = max(longest, time.perf_counter() - asked)
            time.sleep(0.02)
    return longest


def wait_for_children(julia: psutil.Process) -> None:
    """Until what Julia builds for its next start is built."""
    ends = time.perf_counter() + BUILD_LIMIT_S
    while julia.children(recursive=True) and time.perf_counter() < ends:
        time.sleep(0.5)


def print_requests(calls: list[dict[str, Any]]) -> None:
    """What the local Engee was asked until the first result."""
    up, down = (sum(call[f"{way}_bytes"] for call in calls) for way in ("received", "sent"))
    print(f"from start to first result: {len(calls)} requests, {up:,} bytes up, {down:,} bytes down")
    for line in explain(calls, first_commands()):
        print(f"    {line}")
    print(flush=True)
