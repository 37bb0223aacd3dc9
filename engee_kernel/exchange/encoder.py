"""Python's own values as parts of a payload for Julia."""

from __future__ import annotations

import datetime
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ..facts.errors import ExchangeError
from .elements import DURATION_CODES, TIME, pack

NESTING_LIMIT = 100
INT64 = range(-(2**63), 2**63)

Part = bytes | memoryview


@dataclass
class Payload:
    """`notices`: what the person should know of what was sent, e.g. that times were cut."""

    parts: list[Part] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        return sum(len(part) for part in self.parts)

    def join(self) -> bytes:
        return b"".join(self.parts)


class Missing:
    """Stands for Julia's `missing` among values of an array."""


MISSING = Missing()


CUT_TO_MILLISECONDS = "times were cut to whole milliseconds, which is what Julia's DateTime holds."


def refuse_zone(zone: object) -> None:
    """Raises ExchangeError for a time zone: Julia's own dates have none."""
    if zone is not None:
        raise ExchangeError(
            "it holds a time with a time zone, which Julia's own DateTime does not have",
            "Convert it to UTC and drop the zone: t.astimezone(timezone.utc).replace(tzinfo=None), in pandas "
            "s.dt.tz_convert('UTC').dt.tz_localize(None)",
        )


class Encoder:
    """Appends values to `payload`.

    `of_packages` does so for values of types that packages bring, and gives whether it was one.
    """

    def __init__(self, of_packages: Callable[[Encoder, Any], bool]) -> None:
        self.payload = Payload()
        self._of_packages = of_packages
        self._depth = 0

    def raw(self, part: Part) -> None:
        if len(part):
            self.payload.parts.append(part)

    def count(self, number: int) -> None:
        self.raw(struct.pack("<q", number))

    def text(self, text: str) -> None:
        try:
            data = text.encode()
        except UnicodeEncodeError as error:
            raise ExchangeError("it holds a string with half a surrogate pair, which is not valid Unicode") from error
        self.count(len(data))
        self.raw(data)

    def notice(self, text: str) -> None:
        self.payload.notices.append(text)

    def scalar(self, code: str, value: Any) -> None:
        self.raw(b"x" + code.encode() + pack(code, value))

    def shape(self, dimensions: Iterable[int]) -> None:
        sizes = tuple(dimensions)
        self.raw(struct.pack(f"<B{len(sizes)}q", len(sizes), *sizes))

    def array(self, code: str, dimensions: Iterable[int], data: Part, missing: Part | None = None) -> None:
        """`data`: the elements column by column; `missing`: a byte for each."""
        self.raw((b"a" if missing is None else b"k") + code.encode())
        self.shape(dimensions)
        self.raw(data)
        if missing is not None:
            self.raw(missing)

    def objects(self, dimensions: Iterable[int], values: Iterable[Any]) -> None:
        self.raw(b"o")
        self.shape(dimensions)
        self.each(values)

    def each(self, values: Iterable[Any]) -> None:
        for value in values:
            self.value(value)

    def named(self, tag: bytes, values: Iterable[tuple[str, Any]]) -> None:
        pairs = list(values)
        self.raw(tag)
        self.count(len(pairs))
        for name, value in pairs:
            if "\0" in name:
                raise ExchangeError("a column or field name has a NUL character, which Julia's names can't have")
            self.text(name)
            self.value(value)

    def value(self, value: Any) -> None:
        """Any value. Raises ExchangeError."""
        if self._depth > NESTING_LIMIT:
            raise ExchangeError(f"it is nested more than {NESTING_LIMIT} levels deep, or holds itself")
        self._depth += 1
        try:
            if not (self._basic(value) or self._of_packages(self, value) or self._composite(value)):
                raise ExchangeError(f"a {_type_name(value)} has no counterpart in Julia")
        finally:
            self._depth -= 1

    def _basic(self, value: Any) -> bool:
        """Whether it was one of Python's own plain types (exactly, for types that packages derive from)."""
        if value is None:
            self.raw(b"N")
        elif value is MISSING:
            self.raw(b"M")
        elif isinstance(value, bool):
            self.scalar("?", value)
        elif isinstance(value, int):
            if value in INT64:
                self.scalar("q", int(value))
            else:
                self.raw(b"I")
                self.text(_decimal(value))
        elif isinstance(value, float):
            self.scalar("d", value)
        elif isinstance(value, complex):
            self.scalar("D", complex(value))
        elif isinstance(value, str):
            self.raw(b"s")
            self.text(value)
        elif isinstance(value, bytes | bytearray | memoryview):
            data = bytes(value)
            self.raw(b"b")
            self.count(len(data))
            self.raw(data)
        else:
            return False
        return True

    def _composite(self, value: Any) -> bool:
        for kinds, write in _COMPOSITES:
            if isinstance(value, kinds):
                write(self, value)
                return True
        return False

    def list(self, values: Any) -> None:
        kinds = set(map(type, values))
        if kinds == {float}:
            self.array("d", [len(values)], struct.pack(f"<{len(values)}d", *values))
        elif kinds == {int} and min(values) in INT64 and max(values) in INT64:
            self.array("q", [len(values)], struct.pack(f"<{len(values)}q", *values))
        elif kinds == {bool}:
            self.array("?", [len(values)], bytes(values))
        else:
            self.objects([len(values)], values)

    def tuple(self, values: Any) -> None:
        fields = getattr(values, "_fields", None)
        if fields is not None:
            self.named(b"n", zip(fields, values, strict=True))
            return
        self.raw(b"u")
        self.count(len(values))
        self.each(values)

    def dict(self, values: Any) -> None:
        self.raw(b"m")
        self.count(len(values))
        for key, value in values.items():
            self.value(key)
            self.value(value)

    def set(self, values: Any) -> None:
        self.raw(b"S")
        self.count(len(values))
        self.each(values)

    def fraction(self, value: Fraction) -> None:
        self.raw(b"r")
        self.value(value.numerator)
        self.value(value.denominator)

    def moment(self, value: datetime.datetime) -> None:
        refuse_zone(value.tzinfo)
        if value.microsecond % 1000:
            self.notice(CUT_TO_MILLISECONDS)
        since = value.replace(tzinfo=None) - datetime.datetime(1970, 1, 1)
        self.scalar("T", since // datetime.timedelta(milliseconds=1))

    def day(self, value: datetime.date) -> None:
        self.scalar("A", (value - datetime.date(1970, 1, 1)).days)

    def clock(self, value: datetime.time) -> None:
        refuse_zone(value.tzinfo)
        seconds = (value.hour * 60 + value.minute) * 60 + value.second
        self.scalar(TIME, (seconds * 1_000_000 + value.microsecond) * 1000)

    def duration(self, value: datetime.timedelta) -> None:
        unit = datetime.timedelta(milliseconds=1)
        if value % unit:
            self.scalar(DURATION_CODES["us"], value // datetime.timedelta(microseconds=1))
        else:
            self.scalar(DURATION_CODES["ms"], value // unit)


# datetime before date: each datetime is a date
_COMPOSITES: tuple[tuple[Any, Callable[[Encoder, Any], None]], ...] = (
    (tuple, Encoder.tuple),
    ((list, range), Encoder.list),
    (dict, Encoder.dict),
    ((set, frozenset), Encoder.set),
    (datetime.datetime, Encoder.moment),
    (datetime.date, Encoder.day),
    (datetime.time, Encoder.clock),
    (datetime.timedelta, Encoder.duration),
    (Fraction, Encoder.fraction),
)


def _decimal(value: int) -> str:
    """All digits, also of integers that `str` refuses for their length."""
    sign, rest, digits = "-" if value < 0 else "", abs(value), []
    while rest >= 10**4000:
        rest, low = divmod(rest, 10**4000)
        digits.append(f"{low:04000d}")
    return sign + str(rest) + "".join(reversed(digits))


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
