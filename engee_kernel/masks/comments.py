"""Where the comments of Julia code begin: a `#` inside of a string, a character or a block comment begins none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..facts.text import after_block_comment

_BEHIND_IT_TRANSPOSES = ")]}'._!"


@dataclass(frozen=True)
class Line:
    """A line with a comment: where it starts in the code, where its `#` stands, where it ends; `number` from 1."""

    number: int
    start: int
    comment: int
    end: int


@dataclass
class _Inside:
    """What the scanner is in: a text up to `closing`, or the code of an interpolation with `depth` parentheses."""

    closing: str = ""
    interpolates: bool = False
    depth: int = field(default=1)


def lines_with_comment(code: str) -> Iterator[Line]:
    """All lines that begin as code, in no string and in no block comment, and end in a comment."""
    inside: list[_Inside] = []
    start, at, plain = 0, 0, True
    while at < len(code):
        here = inside[-1] if inside else None
        if code[at] == "\n":
            start, plain, at = at + 1, not inside, at + 1
        elif here is not None and here.closing:
            at = _in_text(code, at, here, inside)
        elif code.startswith("#=", at):
            at = after_block_comment(code, at) or len(code)
            if (last := code.rfind("\n", start, at)) >= 0:
                start, plain = last + 1, False
        elif code[at] == "#":
            end = code.find("\n", at)
            end = len(code) if end < 0 else end
            if plain and not inside:
                yield Line(code.count("\n", 0, start) + 1, start, at, end)
            at = end
        else:
            at = _in_code(code, at, here, inside)


def _in_text(code: str, at: int, here: _Inside, inside: list[_Inside]) -> int:
    if code[at] == "\\":
        return at + (1 if code[at + 1 : at + 2] == "\n" else 2)
    if code.startswith(here.closing, at):
        inside.pop()
        return at + len(here.closing)
    if here.interpolates and code.startswith("$(", at):
        inside.append(_Inside())
        return at + 2
    return at + 1


def _in_code(code: str, at: int, here: _Inside | None, inside: list[_Inside]) -> int:
    letter = code[at]
    if letter in '"`':
        closing = letter * 3 if code.startswith(letter * 3, at) else letter
        # a prefix, as in r"…", makes a text that interpolates nothing
        inside.append(_Inside(closing, interpolates=not _ends_a_name(code, at)))
        return at + len(closing)
    if letter == "'" and not _ends_a_name(code, at) and code[at - 1 : at] not in _BEHIND_IT_TRANSPOSES:
        end = code.find("'", at + (3 if code.startswith("\\", at + 1) else 2))
        return at + 1 if end < 0 or "\n" in code[at:end] else end + 1
    if here is not None:
        here.depth += (letter == "(") - (letter == ")")
        if here.depth == 0:
            inside.pop()
    return at + 1


def _ends_a_name(code: str, at: int) -> bool:
    return at > 0 and (code[at - 1].isalnum() or code[at - 1] in "_!")
