"""The thread with the event loop, and interrupts that come at any moment."""

from __future__ import annotations

import _thread
import asyncio
import threading
from collections.abc import Iterator

import pytest

from engee_kernel.extension.background import Background
from engee_kernel.facts.errors import StillRunningError


@pytest.fixture
def background() -> Iterator[Background]:
    background = Background()

    async def nothing() -> None:
        pass

    yield background
    background.close(nothing)


def test_interrupts_reach_the_work_whenever_they_come(background: Background) -> None:
    """`interrupt_main` only leaves a mark, which Python sees at the next step it takes, wherever that is."""
    for number in range(40):
        stop = asyncio.Event()

        async def work(stop: asyncio.Event = stop, number: int = number) -> int:
            await stop.wait()
            return number

        def interrupt(stop: asyncio.Event = stop) -> bool:
            stop.set()
            return True

        timer = threading.Timer(0.05 + 0.003 * number, _thread.interrupt_main)
        timer.start()
        try:
            assert background.run(work(), interrupt) == number
        except KeyboardInterrupt:
            pytest.fail(f"interrupt {number} went past the work")
        finally:
            timer.join()


def test_without_anyone_to_interrupt_the_work_is_cancelled(background: Background) -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cleaned up")

    threading.Timer(0.1, _thread.interrupt_main).start()
    with pytest.raises(StillRunningError, match="Interrupted"):
        background.run(work(), lambda: False)
    assert ended == ["cleaned up"]


def test_actions_are_carried_out_in_order_by_the_one_who_waits(background: Background) -> None:
    done: list[tuple[int, str]] = []

    async def work() -> str:
        for number in range(100):
            background.post(lambda number=number: done.append((number, threading.current_thread().name)))  # type: ignore[misc]
        return await background.asked(lambda: threading.current_thread().name)

    assert background.run(work(), lambda: True) == threading.main_thread().name
    assert done == [(number, threading.main_thread().name) for number in range(100)]


def test_what_the_work_raises(background: Background) -> None:
    async def work() -> None:
        raise ValueError("as it is")

    with pytest.raises(ValueError, match="as it is"):
        background.run(work(), lambda: True)


def test_closing_is_bounded_and_may_be_repeated() -> None:
    background = Background()

    async def nothing() -> None:
        pass

    background.close(nothing)
    background.close(nothing)
    assert "engee" not in [thread.name for thread in threading.enumerate()]
