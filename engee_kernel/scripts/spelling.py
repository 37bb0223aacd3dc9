"""JSON that remembers how it was spelled: numbers as written, strings with their escapes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from ..facts.errors import ScriptError

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
TOKEN = re.compile(rf'([ \t\n\r]*)({_STRING}|[{{}}\[\],:]|[^ \t\n\r{{}}\[\],:"]+)', re.DOTALL)
_EXACT_DIGITS = 15


class Spelled(str):
    """A string, and the literal that it was read from."""

    __slots__ = ("raw",)
    raw: str

    def __new__(cls, value: str, raw: str) -> Spelled:
        made = super().__new__(cls, value)
        made.raw = raw
        return made


class Number(str):
    """A number that Python would spell otherwise, as it was written: 1.50, 1e400."""

    __slots__ = ()


def read(text: str, name: str) -> Any:
    """The value of a JSON text. Raises ScriptError, `name` being what it is called there."""
    try:
        json.loads(
            text.removeprefix("\ufeff"),
            parse_int=str,  # Python refuses very long ones
            parse_float=str,
            parse_constant=_refuse_constant,
            object_pairs_hook=_refuse_twice,
        )
        return _value(_tokens(text.removeprefix("\ufeff")))
    except json.JSONDecodeError as error:
        raise ScriptError(
            f"{name} is no JSON: {error.msg}, line {error.lineno}, column {error.colno}.",
            "Expected: a script or notebook as Engee or Jupyter saves it. Was it cut off on its way?",
        ) from error
    except _NotJsonError as error:
        raise ScriptError(f"{name} is no proper JSON: {error}.", "Save it again in Engee or Jupyter.") from error
    except RecursionError as error:
        raise ScriptError(f"{name} is nested too deeply.", "Expected: a script or notebook.") from error


class _NotJsonError(ValueError):
    """What Python reads and JSON does not have."""


def _refuse_constant(word: str) -> Any:
    raise _NotJsonError(f"it has the number {word}")


def _refuse_twice(pairs: list[tuple[str, Any]]) -> None:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _NotJsonError(f"an object has the name “{twice}” twice")


def _tokens(text: str) -> Iterator[str]:
    return (match[2] for match in TOKEN.finditer(text))


def _value(tokens: Iterator[str]) -> Any:
    return _value_from(next(tokens), tokens)


def _value_from(word: str, tokens: Iterator[str]) -> Any:
    """The text is known to be JSON."""
    if word == "{":
        return _object(tokens)
    if word == "[":
        return _array(tokens)
    if word[0] == '"':
        return _string(word)
    if word in _WORDS:
        return _WORDS[word]
    if len(word) <= _EXACT_DIGITS and word.lstrip("-").isdigit() and word != "-0":
        return int(word)
    return Number(word)


_WORDS = {"true": True, "false": False, "null": None}


def _string(word: str) -> Spelled:
    return Spelled(json.loads(word) if "\\" in word else word[1:-1], word)


def _object(tokens: Iterator[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    word = next(tokens)
    while word != "}":
        if word == ",":
            word = next(tokens)
        next(tokens)  # the colon
        found[_string(word)] = _value(tokens)
        word = next(tokens)
    return found


def _array(tokens: Iterator[str]) -> list[Any]:
    found: list[Any] = []
    word = next(tokens)
    while word != "]":
        found.append(_value_from(next(tokens) if word == "," else word, tokens))
        word = next(tokens)
    return found


def strings(value: Any) -> Iterator[Spelled]:
    """All strings in a value that was read, keys included."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from strings(key)
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, Spelled):
        yield value


_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_UNIT = re.compile(rf"{_ESCAPE.pattern}|.", re.DOTALL)


def plain(value: str) -> str:
    """A string's literal as Jupyter writes it."""
    literal = json.dumps(value, ensure_ascii=False)
    if literal.isascii():
        return literal  # a picture: the search would take as long as all else
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", literal)


class Escapes:
    """One way to spell strings: `ascii` only, hexadecimal digits in `upper` case, `special` characters escaped."""

    def __init__(self, *, ascii: bool = False, upper: bool = False, special: dict[str, str] | None = None) -> None:
        self.ascii = ascii
        self.upper = upper
        self.special = special or {}

    @classmethod
    def of(cls, found: Sequence[Spelled]) -> Escapes | None:
        """The way in which all of these are spelled; None where they differ."""
        used = {escape for string in found for escape in _ESCAPE.findall(string.raw)}
        for ascii, upper in ((False, False), (True, False), (True, True), (False, True)):
            way = cls(ascii=ascii, upper=upper)
            spelled = {escape: way.spell(json.loads(f'"{escape}"'))[1:-1] for escape in used}
            # what is beyond ASCII is a matter of `ascii`
            special = {usual: escape for escape, usual in spelled.items() if usual != escape and usual.isascii()}
            way = cls(ascii=ascii, upper=upper, special=special)
            if all(way.spell(string) == string.raw for string in found):
                return way
        return None

    def spell(self, value: str) -> str:
        literal = json.dumps(value) if self.ascii else plain(value)
        if self.upper:
            literal = _ESCAPE.sub(_in_upper_case, literal)
        if self.special:
            literal = f'"{_UNIT.sub(lambda match: self.special.get(match[0], match[0]), literal[1:-1])}"'
        return literal

    def noted(self) -> dict[str, Any]:
        return {"ascii": self.ascii, "upper": self.upper, "special": self.special}

    @classmethod
    def from_note(cls, noted: dict[str, Any]) -> Escapes:
        """Raises KeyError, TypeError or ValueError for what `noted` did not write."""
        special = {str(usual): str(escape) for usual, escape in dict(noted["special"]).items()}
        return cls(ascii=noted["ascii"] is True, upper=noted["upper"] is True, special=special)


def _in_upper_case(match: re.Match[str]) -> str:
    return "\\u" + match[0][2:].upper() if match[0][1] == "u" else match[0]
