"""The running cell's stage in Jupyter: what its controls may do with its output, and with the kernel later on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..messages.lifesign import Send
from ..messages.publisher import Publisher

if TYPE_CHECKING:
    from ..controls.stage import Screen

RunAgain = Callable[["Callable[[], str | None]", int, "Screen"], Awaitable[None]]


class KernelStage:
    """`send` is the cell's own way to the front end, `run_again` the kernel's, with the cell's count."""

    def __init__(self, publisher: Publisher, send: Send, front_cell: str, count: int, run_again: RunAgain) -> None:
        self._publisher = publisher
        self._send = send
        self._count = count
        self._run_again = run_again
        self.front_cell = front_cell
        self.screen: Screen | None = None

    def redirect(self, screen: Screen) -> None:
        self.screen = screen
        self._publisher.redirect(screen.send)

    def forward(self, kind: str, content: Mapping[str, Any]) -> None:
        self._send(kind, content)

    async def run_again(self, code: Callable[[], str | None], screen: Screen) -> None:
        await self._run_again(code, self._count, screen)
