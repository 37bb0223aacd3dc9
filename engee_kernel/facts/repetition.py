"""Runs of lines that repeat, as a trace of a deep recursion has them. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

LONGEST_CYCLE = 20


def cycle(lines: Sequence[Any], at: int) -> tuple[int, int]:
    """How many lines from here on are repeated, and how often they stand there; (1, 1) where none are."""
    for length in range(1, LONGEST_CYCLE + 1):
        times = 1
        block = lines[at : at + length]
        while lines[at + length * times : at + length * (times + 1)] == block:
            times += 1
        if times > 2:
            return length, times
    return 1, 1


def folded(length: int, times: int) -> str:
    """What Julia writes in place of the repeated lines."""
    what = f"the last {length} lines are" if length > 1 else "the last line is"
    return f" ... ({what} repeated {times - 1} more time{'s' if times > 2 else ''})"
