"""The panels of a notebook: one for each cell, the newest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..masks.form import Form
    from .panel import Panel
    from .rounds import Rounds

KEPT_PANELS = 200


@dataclass
class Entry:
    """`code`: the cell's, as it was run, and `form` what the person has of it. `writes`: when the cell is run again
    the values are to go into its code.
    """

    code: str
    form: Form
    panel: Panel
    rounds: Rounds
    writes: bool = False


class Book:
    """Keyed by the front end's id of the cell; where it has none, by the code."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._told: set[str] = set()

    def to_write(self, cell: str, code: str) -> Entry | None:
        """The entry whose values are to go into this cell's code."""
        entry = self._entries.get(cell or code)
        return entry if entry is not None and entry.writes else None

    def shows(self, cell: str, entry: Entry) -> None:
        """The cell has a new panel; the one that it had goes."""
        key = cell or entry.code
        before = self._entries.pop(key, None)
        self._entries[key] = entry
        if before is not None:
            _close(before)
        if len(self._entries) > KEPT_PANELS:
            _close(self._entries.pop(next(iter(self._entries))))

    def is_new(self, remark: str) -> bool:
        """Whether this was not said before."""
        is_new = remark not in self._told
        self._told.add(remark)
        return is_new


def _close(entry: Entry) -> None:
    entry.rounds.close()
    entry.panel.close()
