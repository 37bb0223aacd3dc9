"""While a run goes on the newest change waits, and older ones are dropped."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

from engee_kernel.controls.rounds import Rounds

CAUSE: ContextVar[str] = ContextVar("CAUSE", default="")


class Runs:
    """Each run takes the value that is there when it begins, and ends when it is let go."""

    def __init__(self) -> None:
        self.value = 0
        self.taken: list[int] = []
        self.causes: list[str] = []
        self.go = asyncio.Semaphore(0)
        self.rounds = Rounds(self.run)

    def change(self, value: int) -> None:
        self.value = value
        self.rounds.ask()

    async def run(self) -> None:
        await self.go.acquire()  # its turn
        if self.rounds.begun():
            self.taken.append(self.value)
            self.causes.append(CAUSE.get())
        await self.go.acquire()

    async def settle(self, steps: int) -> None:
        for _ in range(steps):
            self.go.release()
            await asyncio.sleep(0.01)


async def test_what_waits_for_its_turn_takes_the_newest_value() -> None:
    runs = Runs()
    for value in (1, 2, 3):
        runs.change(value)
    await runs.settle(4)
    assert runs.taken == [3]


async def test_while_one_runs_the_newest_waits() -> None:
    runs = Runs()
    runs.change(1)
    await runs.settle(1)
    for value in (2, 3, 4):
        runs.change(value)
    await runs.settle(1)
    assert runs.taken == [1]
    await runs.settle(6)
    assert runs.taken == [1, 4]


async def test_a_change_after_the_end_begins_again_in_its_own_context() -> None:
    runs = Runs()
    for value in (1, 2):
        CAUSE.set(f"change {value}")
        runs.change(value)
        await runs.settle(3)
    assert runs.taken == [1, 2]
    assert runs.causes == ["change 1", "change 2"]


async def test_what_waits_when_the_panel_goes_is_not_run() -> None:
    runs = Runs()
    runs.change(1)
    await runs.settle(0)
    runs.rounds.close()
    await runs.settle(4)
    assert runs.taken == []
