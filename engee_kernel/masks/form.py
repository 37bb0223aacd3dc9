"""The masks of a cell, read from its code, and the code with other values in their places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .comments import Line, lines_with_comment
from .literals import Literal, Value, boolean_code, float_code, integer_code, read_literal, string_code
from .mask import KINDS, Choice, Mask
from .notation import NotationError, read_notation

DEFAULT_MINIMUM, DEFAULT_MAXIMUM = 0, 100
KNOWN_OPTIONS = ("type", "min", "max", "step", "allow-input", "placeholder")

_NAME = r"[^\W\d][\w!′∂∇\u0300-\u036f]*"
_ASSIGNMENT = re.compile(
    rf"\s*(?:(?:global|local|const)\s+)?(?P<name>{_NAME}(?:\.{_NAME})*)\s*(?:::[^=]+)?=(?!=)\s*(?P<value>.*?)[\s;]*"
)
_MARK = re.compile(r"#+\s*@(?P<word>param|title|markdown)(?![\w-])\s*(?P<rest>.*)")
_OPTIONS_OF_TITLE = re.compile(r"\s*\{.*\}\s*\Z")


@dataclass(frozen=True)
class Note:
    """A text between the controls, in Markdown; `is_title`: the heading above them, which is plain text."""

    text: str
    is_title: bool = False


@dataclass(frozen=True)
class Remark:
    """A mask that shows no control: why, and what was expected."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"Line {self.line}: this mask shows no control: {self.text}."


@dataclass(frozen=True)
class Form:
    """What a cell's masks ask for, in the order of its lines."""

    code: str
    items: tuple[Mask | Note, ...] = ()
    remarks: tuple[Remark, ...] = field(default=())

    @property
    def masks(self) -> tuple[Mask, ...]:
        return tuple(item for item in self.items if isinstance(item, Mask))

    def with_codes(self, codes: Sequence[str]) -> str:
        """The cell's code with these in place of the masks' values, one for each mask."""
        changed = self.code
        for mask, code in reversed(list(zip(self.masks, codes, strict=True))):
            changed = changed[: mask.start] + code + changed[mask.end :]
        return changed

    def carried(self, other: Form, codes: Sequence[str]) -> list[str]:
        """Codes for this form's masks: those for the masks of another form, but where the values' code differs."""
        given = {(mask.name, other.text(mask)): code for mask, code in zip(other.masks, codes, strict=True)}
        return [given.get((mask.name, self.text(mask)), self.text(mask)) for mask in self.masks]

    def text(self, mask: Mask) -> str:
        """The code of the mask's value."""
        return self.code[mask.start : mask.end]


def read_form(code: str) -> Form:
    """The cell's form; a mask that is wrong is left out, and told of in a remark."""
    if "@param" not in code:
        return Form(code)
    items: list[Mask | Note] = []
    remarks: list[Remark] = []
    for line in lines_with_comment(code):
        mark = _MARK.match(code[line.comment : line.end])
        if mark is None:
            continue
        if mark["word"] == "param":
            try:
                items.append(_mask(code, line, mark["rest"]))
            except NotationError as error:
                remarks.append(Remark(line.number, str(error)))
        elif not code[line.start : line.comment].strip():
            is_title = mark["word"] == "title"
            text = _OPTIONS_OF_TITLE.sub("", mark["rest"]) if is_title else mark["rest"]
            items.append(Note(text.strip(), is_title))
    return Form(code, tuple(items), tuple(remarks))


def _mask(code: str, line: Line, notation: str) -> Mask:
    found = _ASSIGNMENT.fullmatch(code, line.start, line.comment)
    if found is None or not found["value"]:
        raise NotationError("no assignment stands before it; expected is e.g. g = 9.8  # @param …")
    choices, options = read_notation(notation)
    if unknown := [name for name in options if name not in KNOWN_OPTIONS]:
        raise NotationError(f"“{unknown[0]}” is no option; expected are {', '.join(KNOWN_OPTIONS)}")
    text = found["value"]
    literal = read_literal(text)
    kind = _kind(options, literal)
    common: dict[str, Any] = {
        "name": found["name"],
        "line": line.number,
        "start": found.start("value"),
        "end": found.end("value"),
        "literal": literal,
        "placeholder": str(options.get("placeholder") or ""),
    }
    if choices is not None:
        return Mask(kind="list", **_list(choices, options, kind, text, literal), **common)
    if kind == "raw":
        return Mask(kind=kind, value=text, **common)
    expected = {"string": str, "boolean": bool}.get(kind)
    if expected is not None:
        if literal is None or not isinstance(literal.value, expected):
            what = 'a string such as "text"' if kind == "string" else "true or false"
            raise NotationError(f'{text} is no value for type:"{kind}"; expected is {what}')
        return Mask(kind=kind, value=literal.value, **common)
    if literal is None or isinstance(literal.value, bool | str):
        raise NotationError(f'{text} is no value for type:"{kind}"; expected is a number such as 9.8')
    return Mask(kind=kind, **_number(kind, options, literal.value), **common)


def _kind(options: dict[str, Any], literal: Literal | None) -> str:
    """The type that is said, else that of the value; "" for a list without a type, whose choices say it."""
    kind = options.get("type")
    if kind is None:
        if literal is None:
            return "raw"
        return "boolean" if isinstance(literal.value, bool) else "number" if literal.is_number else "string"
    if kind not in KINDS:
        raise NotationError(f"“{kind}” is no type; expected is {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    return str(kind)


def _number(kind: str, options: dict[str, Any], value: int | float) -> dict[str, Any]:
    limits = {name: _limit(options, name) for name in ("min", "max", "step")}
    minimum, maximum, step = limits["min"], limits["max"], limits["step"]
    if kind == "slider":
        minimum = DEFAULT_MINIMUM if minimum is None else minimum
        maximum = DEFAULT_MAXIMUM if maximum is None else maximum
    if minimum is not None and maximum is not None and minimum >= maximum:
        raise NotationError(f"min:{minimum} is not below max:{maximum}; expected is a smaller one")
    if step is not None and step <= 0:
        raise NotationError(f"step:{step} is no step; expected is one above 0")
    if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
        low, high = "" if minimum is None else minimum, "" if maximum is None else maximum
        raise NotationError(f"{value} is not between min:{low} and max:{high}; expected is a value that is")
    parts = [part for part in (value, minimum, maximum, step) if part is not None]
    if kind == "integer" and not all(float(part).is_integer() for part in parts):
        raise NotationError(f'{value} is no value for type:"integer"; expected are whole numbers')
    whole = kind == "integer" or (kind == "slider" and all(isinstance(part, int) for part in parts))
    if kind == "slider" and step is None:
        step = 1 if whole else _usual_step(float(maximum or 0) - float(minimum or 0))
        parts.append(step)
    decimals = max(map(_decimals, parts)) if kind == "slider" and not whole else None
    return {
        "value": value,
        "minimum": minimum,
        "maximum": maximum,
        "step": step,
        "is_whole": whole,
        "decimals": decimals,
    }


def _limit(options: dict[str, Any], name: str) -> int | float | None:
    value = options.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise NotationError(f"{name}:{value} is no number; expected is e.g. {name}:1")
    return value


def _usual_step(span: float) -> float:
    """A hundredth of a slider's way at most, and 0.1 at most."""
    step = 0.1
    while step > span / 50 and step > 1e-12:
        step /= 10
    return float(f"{step:.0e}")


def _decimals(number: float) -> int:
    text = repr(float(number))
    mantissa, _, exponent = text.partition("e")
    behind = len(mantissa.partition(".")[2].rstrip("0"))
    return max(0, behind - int(exponent or 0))


def _list(
    choices: list[Value], options: dict[str, Any], kind: str, text: str, literal: Literal | None
) -> dict[str, Any]:
    if kind == "slider":
        raise NotationError('a list is no slider; expected is the list alone, or with type:"raw"')
    typed = "type" in options
    entries = list(dict.fromkeys(_entries(choices, kind if typed else "", literal)))
    if literal is None and not (typed and kind == "raw") and text not in [entry.code for entry in entries]:
        raise NotationError(f'{text} is none of the list; expected is one of it, or type:"raw" behind the list')
    present = next((entry for entry in entries if _is_same(entry.code, text)), None)
    if present is None:
        # what the code has can be chosen again
        present = Choice(str(literal.value) if literal and isinstance(literal.value, str) else text, text)
        entries.insert(0, present)
    usual = "number" if all(_is_number(entry.code) for entry in entries) else "string"
    return {
        "value": present.code,
        "choices": tuple(entries),
        "kind_of_choices": kind if typed else usual,
        "free": bool(options.get("allow-input")),
    }


def _entries(choices: list[Value], kind: str, literal: Literal | None) -> Iterator[Choice]:
    """Each choice as code. Strings are numbers where a type says so, or where all are and the code has one."""
    texts = [choice for choice in choices if isinstance(choice, str)]
    if not kind and literal is not None and literal.is_number and texts and all(map(_is_number, texts)):
        kind = "number"
    for choice in choices:
        if isinstance(choice, bool):
            code = boolean_code(choice)
        elif isinstance(choice, int | float):
            code = integer_code(choice) if isinstance(choice, int) else float_code(choice)
            if literal is not None and literal.is_float:
                code = float_code(float(choice), is_single=literal.is_single)
        elif kind in ("number", "integer", "boolean"):
            code = choice.strip().lower() if kind == "boolean" else choice.strip()
            if not (code in ("true", "false") if kind == "boolean" else _is_number(code)):
                raise NotationError(f"“{choice}” is no {kind}; expected are such in the list")
        else:
            code = choice if kind == "raw" else string_code(choice)
            if kind == "raw" and not choice.strip():
                raise NotationError("an empty choice is no code; expected is e.g. nothing")
        yield Choice(choice if isinstance(choice, str) else code, code)


def _is_number(text: str) -> bool:
    literal = read_literal(text)
    return literal is not None and literal.is_number


def _is_same(one: str, other: str) -> bool:
    if one == other:
        return True
    literal = read_literal(one)
    return (
        literal is not None
        and literal == read_literal(other)
        and type(literal.value) is type(getattr(read_literal(other), "value", None))
    )
