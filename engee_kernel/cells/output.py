"""What shows a cell's output. No I/O."""

from __future__ import annotations

from typing import Protocol

from ..facts.events import Event, Input


class Output(Protocol):
    """One cell's output as the person sees it."""

    async def publish(self, event: Event) -> None:
        """Show an event; called once for each, in order."""

    async def ask(self, prompt: Input) -> str | None:
        """A line typed by the person, None for end of input. Cancelled when the code stops waiting."""

    def condition(self, text: str) -> None:
        """What the cell waits for, shown with its elapsed time; "" while all is well."""

    def notice(self, text: str) -> None:
        """A remark of the kernel's own, on stderr."""
