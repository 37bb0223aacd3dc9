"""What stands behind `@param`: a list, or options with keys that need no quotation marks, or both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TypeAlias

from .literals import Value

_Part: TypeAlias = "tuple[str, Any]"

_TOKEN = re.compile(
    r"\s*(?:(?P<string>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|(?P<number>[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<word>[^\W\d][\w-]*)|(?P<sign>[\[\]{}:,]))"
)
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}


class NotationError(ValueError):
    """What is not as the notation has it; the text says what was expected."""


def read_notation(text: str) -> tuple[list[Value] | None, dict[str, Any]]:
    """The list, where there is one, and the options. Raises NotationError."""
    tokens = list(_tokens(text))
    choices: list[Value] | None = None
    options: dict[str, Any] = {}
    if tokens and tokens[0] == ("sign", "["):
        choices = _list(tokens)
    if tokens and tokens[0] == ("sign", "{"):
        options = _options(tokens)
    if tokens:
        raise NotationError(
            f"“{_shown(tokens[0])}” is not expected there; expected is "
            'a list such as ["a", "b"], or options such as {type:"slider", min:0, max:20}, or both in this order'
        )
    return choices, options


def _tokens(text: str) -> Iterator[_Part]:
    at, text = 0, text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise NotationError(f'“{text[at:].strip()}” can\'t be read; expected is e.g. {{type:"number"}}')
        at = found.end()
        kind = str(found.lastgroup)
        value: Any = found[kind]
        if kind == "string":
            value = _string(value)
        elif kind == "number":
            value = int(value) if re.fullmatch(r"[-+]?\d+", value) else float(value)
        yield kind, value


def _string(text: str) -> str:
    body = text[1:-1]
    if text[0] == "'":
        body = re.sub(r"\\'", "'", body)
        body = re.sub(r'(?<!\\)"', '\\"', body)
    try:
        return str(json.loads(f'"{body}"', strict=False))
    except ValueError:
        raise NotationError(f"{text} is no string; expected are escapes as JSON has them") from None


def _list(tokens: list[_Part]) -> list[Value]:
    tokens.pop(0)
    choices: list[Value] = []
    while _more(tokens, "]"):
        value = _value(tokens)
        if value is None:
            raise NotationError("null is no choice; expected are strings, numbers, true and false")
        choices.append(value)
        _comma(tokens, "]")
    if not choices:
        raise NotationError('the list is empty; expected is at least one choice, e.g. ["a", "b"]')
    return choices


def _options(tokens: list[_Part]) -> dict[str, Any]:
    tokens.pop(0)
    options: dict[str, Any] = {}
    while _more(tokens, "}"):
        kind, key = tokens.pop(0)
        if kind not in ("word", "string"):
            raise NotationError(f"“{key}” is no name of an option; expected is e.g. min:0")
        if not tokens or tokens.pop(0) != ("sign", ":"):
            raise NotationError(f"the option {key} has no value; expected is a colon behind it, e.g. {key}:0")
        options[str(key)] = _value(tokens)
        _comma(tokens, "}")
    return options


def _more(tokens: list[_Part], closing: str) -> bool:
    if not tokens:
        raise NotationError(f"“{closing}” is missing")
    if tokens[0] != ("sign", closing):
        return True
    tokens.pop(0)
    return False


def _comma(tokens: list[_Part], closing: str) -> None:
    if tokens and tokens[0] == ("sign", ","):
        tokens.pop(0)
    elif tokens and tokens[0] != ("sign", closing):
        raise NotationError(f"a comma is missing before “{_shown(tokens[0])}”")


def _value(tokens: list[_Part]) -> Any:
    if not tokens:
        raise NotationError("a value is missing at the end")
    kind, value = tokens.pop(0)
    if kind in ("string", "number"):
        return value
    if kind == "word" and value in _WORDS:
        return _WORDS[value]
    raise NotationError(f"“{value}” is no value; expected is a string in quotation marks, a number, true or false")


def _shown(token: _Part) -> str:
    return str(token[1])
