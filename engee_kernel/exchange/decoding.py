"""Julia's values on their way to Python."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from ..facts.errors import ExchangeError
from .elements import COUNTED, PLAIN, TIME, installed, item_bytes, needed, numpy_dtype, unpack


def decode(payload: bytes) -> dict[str, Any]:
    """The values by name. Raises ExchangeError naming the one that Python has no counterpart for."""
    decoder = _Decoder(payload)
    values: dict[str, Any] = {}
    for _ in range(decoder.count()):
        name = decoder.text()
        try:
            values[name] = decoder.value()
        except ExchangeError as error:
            raise ExchangeError(f"{name} can't be fetched from Engee: {error.message}.", error.hint) from error
    if not decoder.at_end:
        raise ExchangeError("What came from Engee is longer than what it says.")
    return values


def missing_value() -> Any:
    """What a single missing value is: pandas.NA, or None without pandas."""
    pandas = installed("pandas")
    return None if pandas is None else pandas.NA


class _Decoder:
    def __init__(self, payload: bytes) -> None:
        self._bytes = memoryview(payload)
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._bytes)

    def raw(self, length: int) -> memoryview:
        part = self._bytes[self._at : self._at + length]
        if length < 0 or len(part) < length:
            raise ExchangeError("what came from Engee ends too early")
        self._at += length
        return part

    def count(self) -> int:
        number: int = struct.unpack("<q", self.raw(8))[0]
        return number

    def text(self) -> str:
        return str(self.raw(self.count()), "utf-8")

    def letter(self) -> str:
        return chr(self.raw(1)[0])

    def value(self) -> Any:
        tag = self.letter()
        read = _READERS.get(tag)
        if read is None:
            raise ExchangeError(f"what came from Engee has the unknown tag {tag!r}")
        return read(self)

    def values(self) -> list[Any]:
        return [self.value() for _ in range(self.count())]

    def scalar(self) -> Any:
        code = self._code()
        return unpack(code, self.raw(item_bytes(code)))[0]

    def integer(self) -> int:
        number, digits = 0, self.text()
        sign, digits = (-1, digits[1:]) if digits.startswith("-") else (1, digits)
        for start in range(0, len(digits), 4000):  # Python refuses to read longer ones at once
            piece = digits[start : start + 4000]
            number = number * 10 ** len(piece) + int(piece)
        return sign * number

    def fraction(self) -> Fraction:
        return Fraction(self.value(), self.value())

    def array(self) -> Any:
        code, shape, raw = self._array_parts()
        numpy = installed("numpy")
        if numpy is None:
            return _list(shape, unpack(code, raw))
        if code == TIME:
            return _shaped(numpy, shape, unpack(code, raw))
        return numpy.frombuffer(raw, dtype=numpy_dtype(code)).copy().reshape(shape, order="F")

    def masked(self) -> Any:
        code, shape, raw = self._array_parts()
        absent = self.raw(math.prod(shape))
        numpy = installed("numpy")
        if numpy is None or code == TIME:
            gone = missing_value()
            size = item_bytes(code)
            values = [
                gone if absent[at] else unpack(code, raw[at * size : (at + 1) * size])[0] for at in range(len(absent))
            ]
            return _list(shape, values) if numpy is None else _shaped(numpy, shape, values)
        data = numpy.frombuffer(raw, dtype=numpy_dtype(code)).copy().reshape(shape, order="F")
        mask = numpy.frombuffer(absent, dtype=bool).copy().reshape(shape, order="F")
        return numpy.ma.MaskedArray(data, mask)

    def objects(self) -> Any:
        shape = self._shape()
        values = [self.value() for _ in range(math.prod(shape))]
        if len(shape) == 1:
            return values
        return _shaped(needed("numpy", "arrays with more than one dimension"), shape, values)

    def mapping(self) -> dict[Any, Any]:
        size = self.count()
        result: dict[Any, Any] = {}
        for _ in range(size):
            key = _hashable(self.value())
            result[key] = self.value()
        if len(result) != size:
            raise ExchangeError("two of its keys are one and the same in Python, e.g. :a and “a”")
        return result

    def collection(self) -> set[Any]:
        values = self.values()
        result = {_hashable(value) for value in values}
        if len(result) != len(values):
            raise ExchangeError("two of its elements are one and the same in Python, e.g. :a and “a”")
        return result

    def named(self) -> dict[str, Any]:
        return {self.text(): self.value() for _ in range(self.count())}

    def table(self) -> Any:
        columns = self.named()
        if installed("pandas") is None:
            return columns
        from . import tabular  # noqa: PLC0415 - pandas takes long to import

        return tabular.table(columns, missing_value())

    def _code(self) -> str:
        code = self.letter()
        if code not in PLAIN and code not in COUNTED and code != TIME:
            raise ExchangeError(f"what came from Engee has elements of the unknown kind {code!r}")
        return code

    def _shape(self) -> tuple[int, ...]:
        dimensions = self.raw(1)[0]
        return struct.unpack(f"<{dimensions}q", self.raw(8 * dimensions))

    def _array_parts(self) -> tuple[str, tuple[int, ...], memoryview]:
        code = self._code()
        shape = self._shape()
        return code, shape, self.raw(math.prod(shape) * item_bytes(code))


_READERS: dict[str, Callable[[_Decoder], Any]] = {
    "N": lambda decoder: None,
    "M": lambda decoder: missing_value(),
    "x": _Decoder.scalar,
    "I": _Decoder.integer,
    "r": _Decoder.fraction,
    "s": _Decoder.text,
    "b": lambda decoder: bytes(decoder.raw(decoder.count())),
    "a": _Decoder.array,
    "k": _Decoder.masked,
    "o": _Decoder.objects,
    "u": lambda decoder: tuple(decoder.values()),
    "S": _Decoder.collection,
    "m": _Decoder.mapping,
    "n": _Decoder.named,
    "t": _Decoder.table,
}


def _list(shape: tuple[int, ...], values: list[Any]) -> list[Any]:
    """An array without numpy."""
    if len(shape) != 1:
        needed("numpy", "arrays with more than one dimension")
    return values


def _shaped(numpy: Any, shape: tuple[int, ...], values: list[Any]) -> Any:
    """Values of any kind, column by column: a list where there is one dimension."""
    if len(shape) == 1:
        return values
    flat = numpy.empty(len(values), dtype=object)
    for number, value in enumerate(values):
        flat[number] = value
    return flat.reshape(shape, order="F")


def _hashable(key: Any) -> Any:
    try:
        hash(key)
    except TypeError as error:
        raise ExchangeError(
            f"a {type(key).__name__} can't be a key of a dict or an element of a set in Python"
        ) from error
    return key
