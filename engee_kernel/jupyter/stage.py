"""The running cell's stage in Jupyter: what its controls may do with its output, and with the kernel later on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..cells.cell import Cell
from ..messages.lifesign import Send
from ..messages.publisher import Ask, Publisher

if TYPE_CHECKING:
    from ..controls.stage import Screen


class KernelStage:
    """`send` and `ask` are the cell's own ways to the front end, which goes on to show what it asks for in the cell."""

    def __init__(self, kernel: Any, publisher: Publisher, send: Send, ask: Ask, front_cell: str, count: int) -> None:
        self._kernel = kernel
        self._publisher = publisher
        self._send = send
        self._ask = ask
        self._count = count
        self._screen: Screen | None = None
        self.front_cell = front_cell

    def redirect(self, screen: Screen) -> None:
        self._screen = screen
        self._publisher.redirect(screen.send)

    def over(self) -> None:
        """Called by the kernel when the cell's last message has been sent."""
        if self._screen is not None:
            self._screen.over()

    def forward(self, kind: str, content: Mapping[str, Any]) -> None:
        self._send(kind, content)

    async def write(self, before: str, after: str) -> bool:
        return bool(await self._kernel.writers.write(self.front_cell, before, after))

    async def run_again(self, code: Callable[[], str | None], screen: Screen) -> None:
        """As a cell runs, under its count; what asked for it, a message of a control, is busy and idle with it."""
        kernel = self._kernel
        async with kernel.turn:
            wanted = code()
            if wanted is None:
                return
            parent = kernel.running_cell = kernel.get_parent("shell")
            kernel._publish_status("busy", "shell", parent)
            try:
                cell = Cell(wanted, self._count, stdin_allowed=True)
                await kernel.show(cell, Publisher(screen.send, self._ask, execution_count=self._count), self._ask)
            finally:
                screen.over()
                kernel.running_cell = None
                kernel._publish_status("idle", "shell", parent)
