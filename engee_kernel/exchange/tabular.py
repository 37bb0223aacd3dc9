"""pandas' tables and columns, both ways.

pandas takes NaN in a float column for a missing value, and so does Julia here: it becomes `missing`. (In
numpy's arrays NaN stays NaN.) On the way back a column of floats with missing values gets NaN, one of
integers or booleans becomes pandas' nullable Int64 and its like.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..facts.errors import ExchangeError
from . import arrays
from .encoder import CUT_TO_MILLISECONDS, MISSING, Encoder, refuse_zone


def encode(encoder: Encoder, value: Any) -> bool:
    """Whether it was one of pandas'."""
    import pandas as pd  # noqa: PLC0415 - loaded already when this is called

    if value is pd.NA or value is pd.NaT:
        encoder.raw(b"M")
    elif isinstance(value, pd.Timestamp):
        refuse_zone(value.tzinfo)
        moment = value.to_datetime64()
        if moment.astype("M8[ms]") != moment:
            encoder.notice(CUT_TO_MILLISECONDS)
        encoder.scalar("T", int(moment.astype("M8[ms]").astype("int64")))
    elif isinstance(value, pd.Timedelta):
        arrays.encode(encoder, value.to_timedelta64())
    elif isinstance(value, pd.DataFrame):
        encoder.named(b"t", _columns(encoder, value))
    elif isinstance(value, pd.Series):
        if not _is_default(value.index):
            encoder.notice("the index of the pandas.Series was left out; s.reset_index() makes it a column.")
        _column(encoder, value)
    elif isinstance(value, pd.Index | pd.api.extensions.ExtensionArray) and not isinstance(value, pd.MultiIndex):
        _column(encoder, pd.Series(value))
    else:
        return False
    return True


def _is_default(index: Any) -> bool:
    import pandas as pd  # noqa: PLC0415

    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1 and index.name is None


def _columns(encoder: Encoder, frame: Any) -> list[tuple[str, Any]]:
    """Name and column of a table; an index that says something comes first."""
    import pandas as pd  # noqa: PLC0415

    if isinstance(frame.columns, pd.MultiIndex):
        raise ExchangeError("its columns have several levels, a table in Julia has one", "Flatten frame.columns first.")
    if not _is_default(frame.index):
        named = any(name is not None for name in frame.index.names)
        if not named and pd.api.types.is_integer_dtype(frame.index.dtype):
            encoder.notice("the row numbers (index) of the pandas.DataFrame were left out.")
        else:
            frame = frame.reset_index()
    names = [str(name) for name in frame.columns]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ExchangeError(f"it has more than one column named {', '.join(sorted(twice))}")
    return [(name, frame.iloc[:, number].reset_index(drop=True)) for number, name in enumerate(names)]


def _column(encoder: Encoder, column: Any) -> None:
    import numpy as np  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    dtype = column.dtype
    refuse_zone(getattr(dtype, "tz", None))
    missing = column.isna().to_numpy()
    absent = missing if missing.any() else None
    if isinstance(dtype, np.dtype) and dtype.kind in "biufcmM":
        arrays.array(encoder, column.to_numpy(), absent)
        return
    if isinstance(dtype, pd.api.extensions.ExtensionDtype) and dtype.kind in "biuf":
        plain = getattr(dtype, "numpy_dtype", None)
        if isinstance(plain, np.dtype) and plain.kind in "biuf":
            arrays.array(encoder, column.to_numpy(dtype=plain, na_value=plain.type(0)), absent)
            return
    # strings, categories, and whatever else: value by value
    values = column.to_numpy(dtype=object)
    encoder.objects([len(values)], [MISSING if gone else value for value, gone in zip(values, missing, strict=True)])


def table(columns: Mapping[str, Any], missing: Any) -> Any:
    """A pandas.DataFrame of decoded columns; `missing` is what stands for a missing value in lists."""
    import pandas as pd  # noqa: PLC0415

    return pd.DataFrame({name: _series(column, missing) for name, column in columns.items()}, copy=False)


def _series(column: Any, missing: Any) -> Any:
    import numpy as np  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    if isinstance(column, np.ma.MaskedArray):
        data, mask = column.data, np.ma.getmaskarray(column)
        if data.dtype.kind == "b":
            return pd.Series(pd.arrays.BooleanArray(data, mask))
        if data.dtype.kind in "iu":
            return pd.Series(pd.arrays.IntegerArray(data, mask))
        return pd.Series(column.filled(np.nan if data.dtype.kind in "fc" else data.dtype.type("NaT")))
    if isinstance(column, np.ndarray):
        return pd.Series(column, copy=False)
    values = [None if value is missing else value for value in column]
    kinds = {type(value) for value in values if value is not None}
    if kinds == {str}:
        return pd.Series(values)  # pandas' own kind of string column
    series = pd.Series([None] * len(values), dtype=object)
    for number, value in enumerate(values):
        series.iat[number] = value
    return series
