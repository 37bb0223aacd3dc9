"""numpy's arrays and scalars on their way to Julia."""

from __future__ import annotations

from typing import Any

from ..facts.errors import ExchangeError
from .elements import DURATION_CODES, PLAIN_CODES
from .encoder import CUT_TO_MILLISECONDS, MISSING, Encoder

_DAYS_OR_LONGER = ("Y", "M", "W", "D")
_WHOLE_MILLISECONDS = ("h", "m", "s", "ms")


def encode(encoder: Encoder, value: Any) -> bool:
    """Whether it was one of numpy's."""
    import numpy as np  # noqa: PLC0415 - loaded already when this is called

    if value is np.ma.masked:
        encoder.raw(b"M")
    elif isinstance(value, np.ma.MaskedArray):
        array(encoder, value.data, np.ma.getmaskarray(value))
    elif isinstance(value, np.ndarray):
        array(encoder, value)
    elif isinstance(value, np.generic):
        _scalar(encoder, np.asarray(value))
    else:
        return False
    return True


def array(encoder: Encoder, values: Any, missing: Any = None) -> None:
    """`missing`: a boolean array of the same shape, where some of the elements are to be missing."""
    import numpy as np  # noqa: PLC0415

    values = np.asarray(values)  # a matrix would stay two-dimensional in all that follows
    converted = _converted(encoder, values)
    if converted is None:
        flat = values.ravel(order="F").tolist() if values.dtype.kind != "O" else list(values.ravel(order="F"))
        if missing is not None:
            absent = np.asarray(missing).ravel(order="F")
            flat = [MISSING if gone else value for value, gone in zip(flat, absent, strict=True)]
        encoder.objects(values.shape, flat)
        return
    code, numbers, not_a_time = converted
    if not_a_time is not None:
        missing = not_a_time if missing is None else not_a_time | missing
    mask = None if missing is None else _bytes(np.asarray(missing, dtype=bool))
    encoder.array(code, values.shape, _bytes(numbers), mask)


def _scalar(encoder: Encoder, value: Any) -> None:
    converted = _converted(encoder, value)
    if converted is None:
        raise ExchangeError(f"a numpy.{value.dtype} has no counterpart in Julia")
    code, number, not_a_time = converted
    if not_a_time is not None:
        encoder.raw(b"M")
    else:
        encoder.raw(b"x" + code.encode() + number.tobytes())


def _converted(encoder: Encoder, values: Any) -> tuple[str, Any, Any] | None:
    """The code of the elements, they themselves little-endian, and where dates are "not a time" (None: nowhere).

    None for elements that have no fixed width, e.g. strings. Raises ExchangeError.
    """
    dtype = values.dtype
    code = PLAIN_CODES.get(f"{dtype.kind}{dtype.itemsize}")
    if code is not None:
        return code, values.astype(dtype.newbyteorder("<"), copy=False), None
    if dtype.kind in "mM":
        return _times(encoder, values)
    if dtype.kind in "OUST":
        return None
    hint = "Send a longdouble as float64: a.astype(float)" if dtype.kind in "fc" else ""
    if dtype.names:
        hint = "Send its fields one by one, or a table: pandas.DataFrame(a)"
    raise ExchangeError(f"numpy's {dtype} has no counterpart in Julia", hint)


def _times(encoder: Encoder, values: Any) -> tuple[str, Any, Any]:
    import numpy as np  # noqa: PLC0415

    kind = values.dtype.kind
    unit, _ = np.datetime_data(values.dtype)
    missing = np.isnat(values)
    if kind == "M" and unit in _DAYS_OR_LONGER:
        code, unit = "A", "D"
    elif kind == "M":
        cut = values.astype("<M8[ms]")
        if unit not in _WHOLE_MILLISECONDS and np.any((cut != values) & ~missing):
            encoder.notice(CUT_TO_MILLISECONDS)
        code, unit = "T", "ms"
    elif unit in DURATION_CODES:
        code = DURATION_CODES[unit]
    else:
        raise ExchangeError(f"numpy's {values.dtype} has no counterpart in Julia", "Its finest unit is nanoseconds.")
    counts = values.astype(f"<{kind}8[{unit}]").view("<i8") if values.ndim else _zero_dimensional(values, kind, unit)
    if not missing.any():
        return code, counts, None
    return code, np.where(missing, 0, counts).astype("<i8"), missing


def _zero_dimensional(values: Any, kind: str, unit: str) -> Any:
    return values.reshape(1).astype(f"<{kind}8[{unit}]").view("<i8").reshape(())


def _bytes(values: Any) -> memoryview:
    """The elements column by column, without a copy where they lie so already."""
    import numpy as np  # noqa: PLC0415

    flat = np.ascontiguousarray(values.reshape(-1, order="F"))
    return flat.view(np.uint8).data
