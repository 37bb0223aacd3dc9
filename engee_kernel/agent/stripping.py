"""Julia source without what only people read: comments, doc strings, indentation, empty lines. No I/O.

The sources are sent to every fresh Julia, which reads and parses each byte before the first cell runs. A doc
string is taken for one when it begins in the first column, which is where the agent's definitions stand.
"""

from __future__ import annotations

import re

from ..facts.text import after_block_comment

_PLAIN = re.compile(r"""[^#"`'\n]+""")
_PLAIN_IN_STRING = re.compile(r"""[^"`\\$]+""")
_NAME_CHAR = re.compile(r"[\w!)\]}'.]")
_PREFIX = re.compile(r"(?:^|[^\w!])([A-Za-z_]\w*)$")


def stripped(source: str) -> str:
    """The same program; Julia parses it to the same expressions, apart from line numbers and doc strings."""
    pieces: list[str] = []
    at = 0
    while at < len(source):
        char = source[at]
        if char == "#":
            at = _after_comment(source, at)
        elif char in '"`':
            end = _after_string(source, at, raw=_has_prefix(source, at))
            if not (char == '"' and (at == 0 or source[at - 1] == "\n")):
                pieces.append(_Literal(source[at:end]))
            at = end
        elif char == "'" and not (at and _NAME_CHAR.match(source[at - 1])):
            end = _after_char(source, at)
            pieces.append(_Literal(source[at:end]))
            at = end
        else:
            # in long pieces: this runs at each start of a kernel
            plain = _PLAIN.match(source, at)
            end = plain.end() if plain else at + 1
            pieces.append(source[at:end])
            at = end
    return _joined(pieces)


class _Literal(str):
    """Text that stays as it is."""


def _joined(pieces: list[str]) -> str:
    lines: list[list[str]] = [[]]
    for piece in pieces:
        if piece == "\n":
            lines.append([])
        else:
            lines[-1].append(piece)
    texts = [_line(line) for line in lines]
    return "\n".join(text for text in texts if text) + "\n"


def _line(pieces: list[str]) -> str:
    """Without blanks at its ends, unless they are a literal's."""
    at, end = 0, len(pieces)
    while at < end and not isinstance(pieces[at], _Literal):
        pieces[at] = pieces[at].lstrip(" \t")
        if pieces[at]:
            break
        at += 1
    while at < end and not isinstance(pieces[end - 1], _Literal):
        pieces[end - 1] = pieces[end - 1].rstrip(" \t")
        if pieces[end - 1]:
            break
        end -= 1
    return "".join(pieces[at:end])


def _has_prefix(source: str, at: int) -> bool:
    """Whether a macro's name stands right before the string, as in r"…": then nothing is interpolated in it."""
    return _PREFIX.search(source, max(0, at - 30), at) is not None


def _after_comment(source: str, at: int) -> int:
    if not source.startswith("#=", at):
        end = source.find("\n", at)
        return len(source) if end < 0 else end
    behind = after_block_comment(source, at)
    if behind is None:
        raise ValueError("a block comment is not closed")
    return behind


def _after_string(source: str, at: int, *, raw: bool) -> int:
    mark = source[at]
    fence = mark * 3 if source.startswith(mark * 3, at) else mark
    at += len(fence)
    while at < len(source):
        if plain := _PLAIN_IN_STRING.match(source, at):
            at = plain.end()
        if source.startswith(fence, at):
            return at + len(fence)
        if source.startswith("\\", at):
            at += 2
        elif source.startswith("$(", at) and not raw:
            at = _after_parenthesis(source, at + 1)
        else:
            at += 1
    raise ValueError("a string is not closed")


def _after_parenthesis(source: str, at: int) -> int:
    """Behind the parenthesis that closes the one at `at`, in a string's interpolation."""
    depth = 0
    while at < len(source):
        char = source[at]
        if char in '"`':
            at = _after_string(source, at, raw=_has_prefix(source, at))
            continue
        if char == "'" and not _NAME_CHAR.match(source[at - 1]):
            at = _after_char(source, at)
            continue
        depth += (char == "(") - (char == ")")
        at += 1
        if depth == 0:
            return at
    raise ValueError("an interpolation is not closed")


def _after_char(source: str, at: int) -> int:
    end = source.index("'", at + (3 if source[at + 1] == "\\" else 2))
    return end + 1
