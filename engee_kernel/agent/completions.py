"""Completions made ready for front ends: the agent tells what Julia's REPL finds, here it becomes a table. No I/O.

Julia's places are bytes of UTF-8 and begin with 1; here, as everywhere outside the agent, they are code points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MATCHES_LIMIT = 500

_METHOD = "MethodCompletion"
_TYPES = {
    "KeywordCompletion": "keyword",
    "KeyvalCompletion": "keyword",
    "KeywordArgumentCompletion": "param",
    "PathCompletion": "path",
    "ShellCompletion": "path",
    "PackageCompletion": "module",
    "PropertyCompletion": "field",
    "FieldCompletion": "field",
    _METHOD: "method",
    "BslashCompletion": "latex",
    "DictCompletion": "key",
}
"""By the kind of the completion, which is Julia's name for it."""
_BINDINGS = frozenset({"module", "type", "function", "variable"})
"""The kinds of names in modules, which the agent looks up."""

_BLANKS = " \t\n\v\f\r"
_CONTINUATION = bytes(range(0x80, 0xC0))
"""The bytes that begin no character."""


@dataclass(frozen=True)
class Match:
    text: str
    type: str


@dataclass(frozen=True)
class Table:
    """`matches` stand in for the code from `start` to `end`."""

    matches: tuple[Match, ...]
    start: int
    end: int


def question(code: str, cursor: int) -> tuple[str, int, bool] | None:
    """The arguments of the agent's call `complete`; None where there is nothing to complete."""
    prefix = _before(code, cursor)
    if not prefix.strip(_BLANKS):
        return None
    last = len(_encoded(prefix[:-1])) + 1
    # only then an expression may have ended: to look where is for Julia to compile first
    return code, last, "\n" in prefix or ";" in prefix


def table(code: str, cursor: int, answer: Mapping[str, Any]) -> Table:
    """The answer made ready for front ends; {}: there was none."""
    cursor = len(_before(code, cursor))
    found = [str(item) for item in answer.get("found") or ()]
    kinds, texts = found[::2], found[1::2]
    matches: dict[str, Match] = {}
    for kind, text in zip(kinds, texts, strict=True):
        # what would be inserted after `f(` is the rest of the call
        shown = argument_list(text) if kind == _METHOD else text
        if shown not in matches and len(matches) < MATCHES_LIMIT:
            matches[shown] = Match(shown, _type(kind, text))
    start = end = cursor
    if set(kinds) - {_METHOD} and answer["replaces"] and answer["first"] <= answer["last"]:
        before = int(answer.get("start", 1)) - 1
        encoded = _encoded(code)
        start = _characters(encoded[: before + answer["first"] - 1])
        end = _characters(encoded[: before + answer["last"]])
    return Table(tuple(matches.values()), start, end)


def argument_list(signature: str) -> str:
    """What stands behind the first parenthesis of a method's signature, up to the one that closes it."""
    _, _, arguments = signature.partition("(")
    depth = 1
    for end, char in enumerate(arguments, 1):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return arguments[:end]
    return signature


def _type(kind: str, text: str) -> str:
    if kind in _BINDINGS:
        return "macro" if text.startswith("@") else kind
    return _TYPES.get(kind, "text")


def _before(code: str, cursor: int) -> str:
    return code[: max(cursor, 0)]


def _encoded(text: str) -> bytes:
    # a lone surrogate is refused where the call is written
    return text.encode("utf-8", "surrogatepass")


def _characters(encoded: bytes) -> int:
    """How many characters begin in it."""
    return len(encoded.translate(None, _CONTINUATION))
