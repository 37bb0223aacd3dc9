"""What controls need of the one who runs cells. The kernel has it; where there is none, a cell shows no controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol


class Screen(Protocol):
    """Where a cell's messages go in place of the cell's own output area."""

    def send(self, kind: str, content: Mapping[str, Any]) -> None:
        """Called for each message, in order."""

    def over(self) -> None:
        """The run has ended: nothing more comes of it."""


class Stage(Protocol):
    """One running cell's; `run_again` may also be called when the cell is over."""

    @property
    def front_cell(self) -> str:
        """The front end's id of the cell; "" where it has none."""

    def redirect(self, screen: Screen) -> None:
        """From now on the cell's messages go to the screen."""

    async def run_again(self, code: Callable[[], str | None], screen: Screen) -> None:
        """Run code in its turn between the cells; `code` is called when that has come, None: nothing is to run.

        Raises nothing of the code's: errors go to the screen.
        """

    async def write(self, before: str, after: str) -> bool:
        """Have the page put other code in place of the cell's; False where none does that, or its code is another."""

    def forward(self, kind: str, content: Mapping[str, Any]) -> None:
        """A message that is not for the screen, as the cell's own."""
