"""What is to be done with one file, from its checksums here, in Engee, and when it was sent. No I/O."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from ..files.remote import FILE


class Action(enum.Enum):
    """Two of these are decisions of the person's: `KEEP` becomes `SEND` or `REMOVE` with --force."""

    SAME = "same"
    SEND = "send"
    REMOVE = "remove"
    KEEP = "keep"  # it was changed in Engee
    BLOCKED = "blocked"  # something else is in its place, which no --force replaces
    LEFT = "left"  # it is gone here and still in Engee
    FORGET = "forget"  # it is gone on both sides


def decide(
    *, here: str | None, kind: str | None, there: str | None, sent: Sequence[str], delete: bool, force: bool
) -> Action:
    """`here`, `there`: checksums, None for no file. `kind`: of what is in Engee. `sent`: checksums that may be ours."""
    if kind is None:
        return Action.FORGET if here is None else Action.SEND
    if here is not None:
        return _present(here, kind, there, sent, force)
    if kind != FILE:
        return Action.FORGET  # not what was sent
    if not delete:
        return Action.LEFT
    return Action.REMOVE if there in sent or force else Action.KEEP


def _present(here: str, kind: str, there: str | None, sent: Sequence[str], force: bool) -> Action:
    if kind != FILE:
        return Action.BLOCKED
    if here == there:
        return Action.SAME
    return Action.SEND if there in sent or force else Action.KEEP
