"""One mask: what control it asks for, and the code that the control's value is written as."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .comments import lines_with_comment
from .literals import Literal, Value, boolean_code, float_code, integer_code, read_literal, string_code

KINDS = ("slider", "number", "integer", "string", "boolean", "raw")


@dataclass(frozen=True)
class Choice:
    """An entry of a list: how it is called, and the code that it stands for."""

    label: str
    code: str


@dataclass(frozen=True)
class Mask:
    """`kind` is one of KINDS, or "list". `start` and `end`: the place of the value in the cell's code.

    `value` is the control's first one; of raw code and of a list it is code. `is_whole`: all values are integers.
    `decimals`: to which a value of a slider is rounded. `free`: of a list, whether other values may be typed, as
    `kind_of_choices` has them.
    """

    name: str
    line: int
    start: int
    end: int
    kind: str
    value: Value
    literal: Literal | None = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    is_whole: bool = False
    decimals: int | None = None
    choices: tuple[Choice, ...] = ()
    kind_of_choices: str = ""
    free: bool = False
    placeholder: str = ""

    def code(self, value: Any) -> str:
        """The value as Julia code. Raises ValueError, whose text says what was expected."""
        if self.kind == "list":
            return self._choice(str(value))
        return self._code(self.kind, value)

    def _choice(self, value: str) -> str:
        for choice in self.choices:
            if value in (choice.code, choice.label):
                return choice.code
        if self.kind_of_choices in ("integer", "number"):
            typed = read_literal(value.strip())
            if typed is None or not typed.is_number:
                raise ValueError(f"“{value}” is no number")
            return value.strip()
        return self._code(self.kind_of_choices, value)

    def _code(self, kind: str, value: Any) -> str:
        if kind == "boolean":
            return boolean_code(bool(value))
        if kind == "string":
            return string_code(str(value))
        if kind == "raw":
            return checked_code(str(value))
        return self._number(kind, value)

    def _number(self, kind: str, value: float) -> str:
        if not math.isfinite(value):
            raise ValueError("a number is expected")
        if self.minimum is not None and value < self.minimum:
            raise ValueError(f"{self.minimum} or more is expected")
        if self.maximum is not None and value > self.maximum:
            raise ValueError(f"{self.maximum} or less is expected")
        as_float = self.literal is not None and self.literal.is_float
        if not as_float and (kind == "integer" or self.is_whole or float(value).is_integer()):
            return integer_code(int(value))
        is_single = self.literal is not None and self.literal.is_single
        return float_code(float(value), decimals=self.decimals, is_single=is_single)


def checked_code(text: str) -> str:
    """Raw code, if it can stand in a line before a comment. Raises ValueError."""
    code = text.strip()
    if not code:
        raise ValueError("code is expected, such as 2π")
    if "\n" in code or "\r" in code:
        raise ValueError("one line of code is expected")
    # the comment behind it has to stay one: no string and no block comment may be open at the code's end
    behind = list(lines_with_comment(f"{code} # @param"))
    if not behind or behind[0].comment != len(code) + 1:
        raise ValueError("code without a comment and with all strings closed is expected")
    return code
