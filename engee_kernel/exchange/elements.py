"""Elements of fixed width, by the letter that stands for them in a payload."""

from __future__ import annotations

import datetime
import struct
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from ..facts.errors import ExchangeError

SUPPORTED = (
    "Supported are numbers, bool, None, strings, bytes, dates, times and durations, lists, tuples, sets and dicts "
    "of these, numpy arrays, and pandas tables and columns."
)

# numpy's kind and item size; bool and the numbers are sent as they are in memory
PLAIN: Mapping[str, str] = {
    "?": "b1", "b": "i1", "B": "u1", "h": "i2", "H": "u2", "i": "i4", "I": "u4", "q": "i8", "Q": "u8",
    "e": "f2", "f": "f4", "d": "f8", "F": "c8", "D": "c16",
}  # fmt: skip
PLAIN_CODES: Mapping[str, str] = {name: code for code, name in PLAIN.items()}

# dates and durations are sent as an int64 that counts these units (of numpy), dates from 1970 on
COUNTED: Mapping[str, str] = {
    "A": "D", "T": "ms", "0": "Y", "1": "M", "2": "W", "3": "D", "4": "h", "5": "m", "6": "s", "7": "ms",
    "8": "us", "9": "ns",
}  # fmt: skip
DURATION_CODES: Mapping[str, str] = {unit: code for code, unit in COUNTED.items() if code.isdigit()}
TIME = "t"
"""The time of a day, in nanoseconds since midnight."""

_FORMATS = {"F": "2f", "D": "2d"}
_MICROSECONDS = {"2": 604_800_000_000, "3": 86_400_000_000, "4": 3_600_000_000, "5": 60_000_000, "6": 1_000_000,
                 "7": 1000, "8": 1}  # fmt: skip
_DAY_NS = 86_400_000_000_000


def numpy_dtype(code: str) -> str:
    """What numpy calls the element, little-endian; not for TIME."""
    if code in PLAIN:
        return f"<{PLAIN[code]}"
    return f"<{'M' if code in 'AT' else 'm'}8[{COUNTED[code]}]"


def item_bytes(code: str) -> int:
    return struct.calcsize(f"<{_format(code)}")


def _format(code: str) -> str:
    return _FORMATS.get(code, code if code in PLAIN else "q")


def pack(code: str, value: Any) -> bytes:
    """The raw bytes of one number (for dates: its count)."""
    if isinstance(value, complex):
        return struct.pack(f"<{_format(code)}", value.real, value.imag)
    return struct.pack(f"<{_format(code)}", value)


def unpack(code: str, raw: bytes | memoryview) -> list[Any]:
    """Python's own values of an array's raw bytes. Raises ExchangeError."""
    kind = _format(code)
    if code in _FORMATS:
        parts = struct.unpack(f"<{len(raw) // item_bytes(code) * 2}{kind[-1]}", raw)
        return [complex(real, imaginary) for real, imaginary in zip(parts[::2], parts[1::2], strict=True)]
    numbers = list(struct.unpack(f"<{len(raw) // item_bytes(code)}{kind}", raw))
    return numbers if code in PLAIN else [from_count(code, number) for number in numbers]


def from_count(code: str, count: int) -> Any:
    """The date, time or duration that a count means. Raises ExchangeError where Python has none."""
    try:
        if code == "A":
            return datetime.date(1970, 1, 1) + datetime.timedelta(days=count)
        if code == "T":
            return datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=count)
        if code == TIME:
            return _time(count)
        if code in _MICROSECONDS:
            return datetime.timedelta(microseconds=count * _MICROSECONDS[code])
        if code == "9" and count % 1000 == 0:
            return datetime.timedelta(microseconds=count // 1000)
    except OverflowError as error:
        raise ExchangeError("a date or duration is beyond what Python's datetime holds (years 1 to 9999)") from error
    numpy = needed("numpy", "years, months and single nanoseconds as durations")
    return numpy.timedelta64(count, COUNTED[code])


def _time(count: int) -> datetime.time:
    microseconds, rest = divmod(count % _DAY_NS, 1000)
    if rest:
        raise ExchangeError("a time of day has nanoseconds, which Python's datetime.time does not hold")
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=microseconds)).time()


def loaded(name: str) -> ModuleType | None:
    """A package that the program uses already: without it there are no values of its types."""
    return sys.modules.get(name)


def installed(name: str) -> Any | None:
    """A package, imported; None where it is not installed."""
    if name in sys.modules:
        return sys.modules[name]
    if find_spec(name) is None:
        return None
    __import__(name)
    return sys.modules[name]


def needed(name: str, what: str) -> Any:
    """Raises ExchangeError where the package is not installed."""
    module = installed(name)
    if module is None:
        raise ExchangeError(f"{what} need the package {name}, which is not installed here")
    return module
