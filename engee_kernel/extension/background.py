"""A thread with an event loop of its own, and the main thread's wait for what runs there."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future, TimeoutError
from typing import Any, TypeVar

from ..facts.errors import StillRunningError

T = TypeVar("T")

Action = Callable[[], None]

# A wait without a bound can't be interrupted on Windows.
LOOK_EVERY_S = 0.1
PRESSES_TO_LEAVE = 3
CLOSE_BOUND_S = 5.0


class Background:
    """Runs coroutines, one at a time, for a thread that waits and carries out what they ask of it (`post`)."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._actions: queue.SimpleQueue[Action] = queue.SimpleQueue()
        self._task: asyncio.Task[Any] | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="engee", daemon=True)
        self._thread.start()

    def post(self, action: Action) -> None:
        """Have the waiting thread do something, in order. Called from the loop."""
        self._actions.put(action)

    async def asked(self, question: Callable[[], T]) -> T:
        """The answer to a question that the waiting thread asks, e.g. by `input`."""
        answer: asyncio.Future[T] = self._loop.create_future()

        def settle(result: T) -> None:
            if not answer.done():
                answer.set_result(result)

        def ask() -> None:
            self._loop.call_soon_threadsafe(settle, question())

        self.post(ask)
        return await answer

    def run(self, work: Coroutine[Any, Any, T], interrupt: Callable[[], bool]) -> T:
        """The result of `work`, with its actions carried out here meanwhile.

        Ctrl-C calls `interrupt` in the loop; where that gives False, the work is cancelled. The third one
        gives up waiting. Raises what the work raises, StillRunningError for what was cancelled.
        """
        if self._task is not None:
            work.close()
            raise StillRunningError(
                "The last interrupt has not finished yet.",
                "Try again in a few seconds, or %reload_ext engee_kernel",
            )
        self._forget_actions()
        future = asyncio.run_coroutine_threadsafe(self._carried(work), self._loop)
        future.add_done_callback(lambda _: self.post(_nothing))
        try:
            self._wait(future, interrupt)
            return future.result(timeout=0)
        except KeyboardInterrupt:
            self._loop.call_soon_threadsafe(self._cancel)
            raise
        except CancelledError:
            raise StillRunningError("Interrupted.") from None
        finally:
            del future  # its exception refers to this frame

    async def _carried(self, work: Coroutine[Any, Any, T]) -> T:
        self._task = asyncio.current_task()
        try:
            return await work
        finally:
            self._task = None

    def _wait(self, future: Future[T], interrupt: Callable[[], bool]) -> None:
        presses = 0
        while True:
            # The condition too is inside: Python raises KeyboardInterrupt between any two steps.
            try:
                while not (future.done() and self._actions.empty()):
                    self._act()
                return
            except KeyboardInterrupt:
                presses += 1
                if presses >= PRESSES_TO_LEAVE:
                    raise
                self._loop.call_soon_threadsafe(self._interrupt, interrupt)

    def _act(self) -> None:
        try:
            action = self._actions.get(timeout=LOOK_EVERY_S)
        except queue.Empty:
            return
        action()

    def _forget_actions(self) -> None:
        """What work that was given up wanted to show does not belong to the next cell."""
        while not self._actions.empty():
            self._actions.get()

    def _interrupt(self, interrupt: Callable[[], bool]) -> None:
        if not interrupt():
            self._cancel()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def close(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `last` and end the thread, within `CLOSE_BOUND_S`."""
        if self._loop.is_closed():
            return
        ending = asyncio.run_coroutine_threadsafe(self._end(last), self._loop)
        try:
            ending.result(timeout=CLOSE_BOUND_S)
        except TimeoutError:
            ending.cancel()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=CLOSE_BOUND_S)
            if not self._thread.is_alive():
                self._loop.close()

    async def _end(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._cancel()
        await last()


def _nothing() -> None:
    """An action that only ends the wait."""
