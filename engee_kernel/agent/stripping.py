"""Julia source without what only people read: comments, doc strings, indentation, empty lines. No I/O.

The sources are sent to every fresh Julia, which reads and parses each byte before the first cell runs. A doc
string is taken for one when it begins in the first column, which is where the agent's definitions stand.
"""

from __future__ import annotations

import re

from ..facts.text import after_block_comment

_MARK = re.compile(r"""[#"`']""")
_PLAIN_IN_STRING = re.compile(r"""[^"`\\$]+""")
_NAME_CHAR = re.compile(r"[\w!)\]}'.]")
_PREFIX = re.compile(r"(?:^|[^\w!])([A-Za-z_]\w*)$")
_LINE_ENDS = re.compile(r"[ \t]*\n[ \t\n]*")


def stripped(source: str) -> str:
    """The same program; Julia parses it to the same expressions, apart from line numbers and doc strings."""
    pieces: list[str] = []
    plain: list[str] = []
    at = 0
    # from mark to mark and all blanks of a stretch at once: this runs at each start of a kernel
    while found := _MARK.search(source, at):
        start = found.start()
        plain.append(source[at:start])
        char = source[start]
        if char == "#":
            at = _after_comment(source, start)
        elif char == "'" and start and _NAME_CHAR.match(source[start - 1]):
            plain.append(char)
            at = start + 1
        else:
            at = _after_char(source, start) if char == "'" else _after_string(source, start)
            if not (char == '"' and (start == 0 or source[start - 1] == "\n")):
                pieces += [_tight(plain), source[start:at]]
                plain.clear()
    plain.append(source[at:])
    return "".join([*pieces, _tight(plain)]).strip("\n") + "\n"


def _tight(plain: list[str]) -> str:
    """Without empty lines, and without blanks at the ends of lines."""
    return _LINE_ENDS.sub("\n", "".join(plain))


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


def _after_string(source: str, at: int) -> int:
    raw = _has_prefix(source, at)
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
            at = _after_string(source, at)
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
