"""What a job may be called, and which one a person means who names it. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..facts.errors import UsageError
from ..records.record import CELL_NAME, is_whole_id, resolve, short_ids

if TYPE_CHECKING:
    from .rows import Row

NAME_LIMIT_CHARS = 80
SHOWN = 5


def check_name(name: str | None) -> None:
    """Raises UsageError for a name that no table could show, or that is how something else is called."""
    if name is None:
        return
    expected = f"Expected: a name of 1 to {NAME_LIMIT_CHARS} characters in one line, e.g. --name sweep"
    if not name.strip():
        raise UsageError("The job's name is empty.", expected)
    if len(name) > NAME_LIMIT_CHARS:
        raise UsageError(f"The job's name has {len(name)} characters; at most {NAME_LIMIT_CHARS} are taken.", expected)
    if not name.isprintable():
        raise UsageError("The job's name has a line break or another character that can't be shown.", expected)
    if CELL_NAME.match(name):
        raise UsageError(f"Names such as “{name}” are kept for the records of cells.", "Choose another name.")


def fitting(name: str) -> str:
    """A name that is nobody's choice, e.g. a file's, cut to what `check_name` takes."""
    shown = "".join(sign if sign.isprintable() else "?" for sign in name)
    return shown if len(shown) <= NAME_LIMIT_CHARS else f"{shown[: NAME_LIMIT_CHARS - 1]}…"


def choose(word: str, rows: Sequence[Row]) -> tuple[str, str]:
    """The id of the job that `word` means, and a remark where it may mean another one. `rows`: newest first.

    A name goes before the beginning of an id. Of several jobs of a name the newest is meant, one that this computer
    knows before those of other people who use the same account. Raises UsageError where it means none.
    """
    named = [row for row in rows if row.name and row.name == word]
    if not named:
        # a cell that was let go and ended without a job is on no list, and the agent has its output all the same
        return (word.strip().lower(), "") if is_whole_id(word) else (resolve(word, [row.job_id for row in rows]), "")
    named.sort(key=lambda row: not row.known)
    first, *others = named
    if not others:
        return first.job_id, ""
    short = short_ids([row.job_id for row in rows])
    listed = ", ".join(f"{short[row.job_id]} ({row.state}{_since(row)})" for row in others[:SHOWN])
    more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
    strangers = first.known and not all(row.known for row in others)
    what = "the newest that this computer made" if strangers else "the newest"
    return first.job_id, (
        f"{len(named)} jobs are called “{word}”. This is {what}, {short[first.job_id]}{_since(first)}. "
        f"To name another one, type its id: {listed}{more}."
    )


def _since(row: Row) -> str:
    from .table import moment  # noqa: PLC0415 - the table needs what this module has

    return f", started {moment(row.started)}" if row.started else ""
