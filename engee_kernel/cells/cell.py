"""One cell's life as a table of states, without I/O.

::

    NEW ── sent ──► SENT ── known ──► RUNNING ── job ──► HANDED
                     │                  │                  │
                     ├─── done ─────────┴──────────────────┤► DONE    all events are here
                     ├─── session gone ────────────────────┤► LOST    never run again
                     └─── given up waiting ────────────────┘► LEFT    goes on in Engee

Every way by which events arrive (the answer to submit, a long poll, a job's result) ends in
`accept`, which lets each event through once, in order.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ..agent.dialogue import CellAnswer
from ..facts.errors import AgentUnavailableError
from ..facts.events import Done, Event, decode


class State(Enum):
    NEW = "new"
    SENT = "sent"
    RUNNING = "running"
    HANDED = "handed to a job"
    DONE = "done"
    LOST = "lost"
    LEFT = "left running"


TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.NEW: frozenset({State.SENT}),
    State.SENT: frozenset({State.RUNNING, State.HANDED, State.DONE, State.LOST, State.LEFT}),
    State.RUNNING: frozenset({State.HANDED, State.DONE, State.LOST, State.LEFT}),
    State.HANDED: frozenset({State.DONE, State.LOST, State.LEFT}),
    State.DONE: frozenset(),
    State.LOST: frozenset(),
    State.LEFT: frozenset(),
}


@dataclass
class Cell:
    """`cell_id` is a UUID; the job that keeps a long cell's record has the same one."""

    code: str
    count: int
    silent: bool = False
    stdin_allowed: bool = False
    expressions: Mapping[str, str] = field(default_factory=dict)
    cell_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: State = State.NEW
    seen: int = 0
    done: Done | None = None

    def become(self, state: State) -> None:
        """Raises ValueError for a step that the table does not have."""
        if state is self.state:
            return
        if state not in TRANSITIONS[self.state]:
            raise ValueError(f"a cell that is {self.state.value} can't become {state.value}")
        self.state = state

    @property
    def over(self) -> bool:
        return not TRANSITIONS[self.state]

    def accept(self, answer: CellAnswer) -> list[Event]:
        """The events of an answer that have not been let through yet, in order.

        Raises AgentUnavailableError for a gap: no way of delivery may have one.
        """
        fresh: list[Event] = []
        for raw in sorted(answer.events, key=_number):
            number = _number(raw)
            if number <= self.seen:
                continue
            if number != self.seen + 1:
                raise AgentUnavailableError(
                    f"Output is missing: event {self.seen + 1} of the cell did not arrive, {number} did."
                )
            self.seen = number
            event = decode(raw)
            if isinstance(event, Done):
                self.done = event
            if event is not None:
                fresh.append(event)
        if self.done is not None:
            self.become(State.DONE)
        # "done" as well: the rest of what a finished cell put out is asked for by `events`, from where this one ends
        elif answer.state in ("queued", "running", "done") and self.state is State.SENT:
            self.become(State.RUNNING)
        return fresh


def _number(raw: Mapping[str, Any]) -> int:
    return int(raw["n"])
