"""Runs that follow each other: while one goes on, the newest change waits and older ones are dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import copy_context


class Rounds:
    """`run` is to call `begun` when it takes the values."""

    def __init__(self, run: Callable[[], Awaitable[None]]) -> None:
        self._run = run
        self._asked = False
        self._task: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """Something has changed. Called in the loop."""
        self._asked = True
        if self._task is None:
            # in the context of the change: what the run publishes has it for its cause
            self._task = copy_context().run(asyncio.create_task, self._go())

    def begun(self) -> bool:
        """Whether a round is still asked for; what changes from now on asks for another one."""
        asked, self._asked = self._asked, False
        return asked

    def close(self) -> None:
        """No further round; one that runs goes on."""
        self._asked = False

    async def _go(self) -> None:
        try:
            while self._asked:
                await self._run()
        finally:
            self._task = None
