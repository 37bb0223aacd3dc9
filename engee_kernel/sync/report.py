"""A round in words: a line for each file, and what came of all; or one line of a batch."""

from __future__ import annotations

from pathlib import Path

from ..facts.text import duration, size
from .rounds import Outcome, Refused

FEW = 3


def lines(outcome: Outcome) -> list[str]:
    """For a single round."""
    said = [f"{_here(file.local)} → {file.target}{' (new)' * (file.target in outcome.new)}" for file in outcome.to_send]
    said += [f"{path}: removed" if not outcome.is_dry else f"{path}: to be removed" for path in outcome.removed]
    said += [f"{one.path}: {_verb(one)}, {one.why}" for one in outcome.refused]
    return [*said, summary(outcome)]


def summary(outcome: Outcome) -> str:
    """E.g. "Sent 2 files, 3.4 KiB in 0.3 s, checksums agree. Removed 1 file.\""""
    if outcome.is_empty and not outcome.files:
        rules = " that is not kept back by .gitignore or .engeeignore" if outcome.excluded else ""
        return " ".join([f"There is not a file here{rules}: nothing to send.", *_open(outcome)])
    if outcome.is_dry:
        return _dry(outcome)
    total = sum(file.size_bytes for file in outcome.sent)
    said = [
        f"Sent {files(len(outcome.sent))}, {size(total)} in {duration(outcome.elapsed_s)}, checksums agree."
        if outcome.sent
        else "All is as in Engee."
        if outcome.is_empty
        else "Sent nothing."
    ]
    if outcome.removed:
        said.append(f"Removed {files(len(outcome.removed))}.")
    return " ".join([*said, *_open(outcome)])


def _dry(outcome: Outcome) -> str:
    if outcome.is_empty:
        return " ".join(["All is as in Engee.", *_open(outcome)])
    total = sum(file.size_bytes for file in outcome.to_send)
    said = [f"Would send {files(len(outcome.to_send))}, {size(total)}."]
    if outcome.removed:
        said.append(f"Would remove {files(len(outcome.removed))}.")
    return " ".join([*said, *_open(outcome), "Nothing was changed."])


def _open(outcome: Outcome) -> list[str]:
    """What is not as it is here."""
    said = []
    kept = [one for one in outcome.refused if not one.blocked]
    if kept:
        verb = "differs" if len(kept) == 1 else "differ"
        said.append(f"{files(len(kept))} in Engee {verb} and stayed; --force replaces what is there.")
    if blocked := len(outcome.refused) - len(kept):
        said.append(f"{files(blocked)} can't be sent, for the reason above.")
    if outcome.left:
        verb = "is" if len(outcome.left) == 1 else "are"
        said.append(f"{files(len(outcome.left))} {verb} gone here and still in Engee; --delete removes there, too.")
    return said


def batch_line(outcome: Outcome, refused: list[Refused]) -> str:
    """For a round on a save; "" where nothing happened. `refused`: those that were not named before."""
    said = []
    if outcome.sent:
        total = sum(file.size_bytes for file in outcome.sent)
        sent = some([file.local.name for file in outcome.sent])
        said.append(f"sent {sent} ({size(total)}, {duration(outcome.elapsed_s)})")
    if outcome.removed:
        said.append(f"removed {some([path.rpartition('/')[2] for path in outcome.removed])}")
    said += [f"{_verb(one)} {one.path}: {one.why}" for one in refused]
    return "; ".join(said)


def _verb(one: Refused) -> str:
    return "not sent" if one.blocked else "kept"


def _here(path: Path) -> Path:
    """Relative to where the person is, where it is below that."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def some(names: list[str]) -> str:
    shown = ", ".join(names[:FEW])
    return shown if len(names) <= FEW else f"{shown} and {len(names) - FEW} more"


def files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
