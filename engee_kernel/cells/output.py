"""What shows a cell's output, and the options of a session. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Options:
    """Settings of a session; every `_s` is in seconds. What each means: `engee_kernel.household.settings`."""

    mode: str = "agent"
    workspace: str = "main"
    eval_timeout_s: float = 120.0
    handoff_after_s: float = 2.0
    reconnect_bound_s: float = 300.0
    interrupt_grace_s: float = 4.0
    poll_wait_s: float = 20.0
    output_limit_bytes: int = 16 * 2**20
    loop_checkpoints: bool = True
    cell_threads: str = "shared"
    auto_start: bool = True
    start_bound_s: float = 300.0
    keep_alive: bool = True
    image: bool = True
