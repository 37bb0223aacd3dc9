"""The running cell's stage in Jupyter: what its controls may do with its output, and with the kernel later on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..messages.lifesign import Send
from ..messages.publisher import Ask, Publisher

if TYPE_CHECKING:
    from ..controls.stage import Screen
    from ..controls.writers import Writers

RunAgain = Callable[["Callable[[], str | None]", int, "Screen", Ask], Awaitable[None]]


class KernelStage:
    """`send` and `ask` are the cell's own ways to the front end, which goes on to show what it asks for in the cell;
    `run_again` is the kernel's, with the cell's count.
    """

    def __init__(
        self,
        publisher: Publisher,
        send: Send,
        ask: Ask,
        front_cell: str,
        count: int,
        run_again: RunAgain,
        writers: Writers,
    ) -> None:
        self._publisher = publisher
        self._send = send
        self._ask = ask
        self._count = count
        self._run_again = run_again
        self._writers = writers
        self.front_cell = front_cell
        self.screen: Screen | None = None

    def redirect(self, screen: Screen) -> None:
        self.screen = screen
        self._publisher.redirect(screen.send)

    def forward(self, kind: str, content: Mapping[str, Any]) -> None:
        self._send(kind, content)

    async def write(self, before: str, after: str) -> bool:
        return await self._writers.write(self.front_cell, before, after)

    async def run_again(self, code: Callable[[], str | None], screen: Screen) -> None:
        await self._run_again(code, self._count, screen, self._ask)
