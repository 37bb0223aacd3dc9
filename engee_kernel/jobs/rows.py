"""One line of the list of jobs. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import PurePath
from typing import Any

from ..records.journal import Entry
from ..records.record import QUEUED, RUNNING

OF_NOTEBOOK, OF_COMPUTER, OF_NOBODY = 2, 1, 0
"""Claims: this notebook's, another one's on this computer, anybody's who uses the account."""


@dataclass(frozen=True)
class Row:
    """One job. `state`: one of `records`' words, "queued", or a phrase for what nobody knows any more.

    `ours`: no other notebook's, as far as is known. `claim`: one of the three below.
    """

    job_id: str
    label: str
    name: str
    state: str
    started: datetime | None = None
    ended: datetime | None = None
    first_line: str = ""
    ours: bool = True
    claim: int = 0

    @property
    def known(self) -> bool:
        """Whether this computer made it."""
        return self.claim != OF_NOBODY

    @property
    def is_running(self) -> bool:
        return self.state in (RUNNING, QUEUED)

    def elapsed_s(self) -> float | None:
        """None where the end is not known."""
        end = self.ended or (datetime.now(timezone.utc) if self.is_running else None)
        return max(0.0, (end - self.started).total_seconds()) if self.started and end else None


@dataclass
class Listing:
    """Newest first; `remarks` are for the person."""

    rows: list[Row] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def label_of(entry: Entry) -> str:
    if entry.notebook.endswith(".jl"):
        return entry.name or PurePath(entry.notebook).name
    if entry.kind == "cell":
        return f"cell In[{entry.count}]"
    return entry.name or f"%%job In[{entry.count}]"


def submitted(cell: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(float(cell["submitted"]), timezone.utc)
