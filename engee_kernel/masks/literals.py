"""Julia's literals of numbers, strings and truth: read from code, and written as code."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = "bool | int | float | str"

_INTEGER = re.compile(r"[-+]?\d[\d_]*", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\d[\d_]*\.[\d_]*|\.\d[\d_]*|\d[\d_]*(?=[eEf]))(?P<exponent>[eEf][-+]?\d+)?", re.ASCII)
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_BOOLEANS = {"true": True, "false": False}

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})|(.))")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}
_WRITTEN = {"\n": "\\n", "\t": "\\t", "\r": "\\r"} | {sign: f"\\{sign}" for sign in '\\"$'}


@dataclass(frozen=True)
class Literal:
    """A value, and whether code has it as a Float32."""

    value: Value
    is_single: bool = False

    @property
    def is_number(self) -> bool:
        return isinstance(self.value, int | float) and not isinstance(self.value, bool)

    @property
    def is_float(self) -> bool:
        return isinstance(self.value, float)


def read_literal(text: str) -> Literal | None:
    """The literal that the whole text is, else None; so is a string with an interpolation in it."""
    if text in _BOOLEANS:
        return Literal(_BOOLEANS[text])
    if _INTEGER.fullmatch(text):
        return Literal(int(text.replace("_", "")))
    if found := _FLOAT.fullmatch(text):
        value = float(text.replace("_", "").replace("f", "e"))
        return Literal(value, is_single=(found["exponent"] or "").startswith("f"))
    if _STRING.fullmatch(text):
        decoded = _decoded(text[1:-1])
        return None if decoded is None else Literal(decoded)
    return None


def _decoded(text: str) -> str | None:
    if "$" in re.sub(r"\\.", "", text):
        return None
    try:
        return _ESCAPE.sub(_character, text)
    except ValueError:
        return None


def _character(found: re.Match[str]) -> str:
    two, four, eight, octal, letter = found.groups()
    if letter is not None:
        if letter not in _LETTERS and letter not in "\\\"$'":
            raise ValueError(letter)
        return _LETTERS.get(letter, letter)
    number = int(octal, 8) if octal is not None else int(two or four or eight, 16)
    if (two is not None or octal is not None) and number > 0x7F:
        raise ValueError(number)  # a byte, which is a character only with its neighbours
    return chr(number)


def integer_code(value: int) -> str:
    return str(int(value))


def float_code(value: float, *, decimals: int | None = None, is_single: bool = False) -> str:
    """A float's code, which never reads as an integer. Raises ValueError for what is no finite number."""
    if not math.isfinite(value):
        raise ValueError("a number is expected")
    rounded = float(value if decimals is None else round(value, decimals)) + 0.0
    text = repr(rounded)
    if not is_single:
        return text
    return text.replace("e", "f") if "e" in text else f"{text}f0"


def boolean_code(value: bool) -> str:
    return "true" if value else "false"


def string_code(text: str) -> str:
    """A Julia string, in one line: nothing in it is an interpolation, and all of it is seen."""
    return '"' + "".join(_WRITTEN.get(sign) or _seen(sign) for sign in text) + '"'


def _seen(sign: str) -> str:
    if sign.isprintable():
        return sign
    number = ord(sign)
    if 0xD800 <= number <= 0xDFFF:
        return "\ufffd"  # half a character, which Julia takes for none
    # with all digits: what follows could be one
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
