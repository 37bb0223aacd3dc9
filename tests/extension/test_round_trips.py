"""Python values to a real Julia and back: what Hypothesis thinks of arrives as it was sent."""

from __future__ import annotations

import datetime as dt
import math
import struct
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from exchanger import Exchanger
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

pytestmark = pytest.mark.julia

gently = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def bits(number: float) -> bytes:
    """All NaN are one, every other float is its bits."""
    return b"nan" if math.isnan(number) else struct.pack("<d", number)


def same(sent: Any, came: Any) -> bool:  # noqa: PLR0911 - a table of what becomes of what
    """Lists of numbers come back as arrays, bytes as an array; all else as it was."""
    if isinstance(came, np.ndarray) and isinstance(sent, list | bytes):
        return came.ndim == 1 and same(list(sent), came.tolist())
    if isinstance(sent, float):
        return isinstance(came, float) and bits(sent) == bits(came)
    if isinstance(sent, complex):
        return isinstance(came, complex) and same([sent.real, sent.imag], [came.real, came.imag])
    if isinstance(sent, list | tuple):
        return type(sent) is type(came) and len(sent) == len(came) and all(map(same, sent, came))
    if isinstance(sent, dict):
        if not isinstance(came, dict) or len(sent) != len(came):
            return False
        return all(any(same(key, other) and same(sent[key], came[other]) for other in came) for key in sent)
    return type(sent) is type(came) and bool(sent == came)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(allow_nan=False),
    st.text(),
    st.dates(),
    st.times(),
    st.datetimes().map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)),
    st.timedeltas(max_value=dt.timedelta(days=100_000), min_value=dt.timedelta(days=-100_000)),
    st.fractions(),
)
keys = st.one_of(st.text(), st.integers(min_value=2), st.dates())
nested = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(keys, inner, max_size=4),
    ),
    max_leaves=20,
)


class TestValues:
    @gently
    @given(value=nested)
    @example(value=[1, 2.0, "три", None, True])
    @example(value=[[1, 2], [3.0]])
    @example(value={"a": {"b": [1, (2, "c")]}, 5: dt.date(2024, 2, 29)})
    @example(value='α😀\0\u2028$(1+1)"\\')
    @example(value=[])
    @example(value=())
    @example(value={})
    def test_nested(self, exchanger: Exchanger, value: Any) -> None:
        assert same(value, exchanger.round_trip(value))

    @gently
    @given(value=st.floats())
    @example(value=-0.0)
    @example(value=5e-324)
    @example(value=0.1 + 0.2)
    @example(value=-math.inf)
    def test_floats_bit_by_bit(self, exchanger: Exchanger, value: float) -> None:
        assert bits(value) == bits(exchanger.round_trip(value))

    @pytest.mark.parametrize("value", [0, -1, 2**62, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 2**64, -(2**64)])
    def test_integers_of_any_size(self, exchanger: Exchanger, value: int) -> None:
        assert exchanger.round_trip(value) == value

    def test_integers_longer_than_python_prints(self, exchanger: Exchanger) -> None:
        assert exchanger.round_trip([10**5000 + 7, -(10**9000)]) == [10**5000 + 7, -(10**9000)]

    def test_bytes_become_a_vector(self, exchanger: Exchanger) -> None:
        exchanger.put(data=b"\x00\xff\x10", empty=b"")
        assert exchanger.julia("length(data)") == "3"
        assert exchanger.julia("typeof(data) == typeof(empty) == Vector{UInt8}") == "true"
        assert exchanger.get("data")["data"].tolist() == [0, 255, 16]

    def test_sets(self, exchanger: Exchanger) -> None:
        assert exchanger.round_trip({1, 2, 3}) == {1, 2, 3}
        assert exchanger.round_trip(frozenset({"a"})) == {"a"}
        assert exchanger.round_trip(set()) == set()

    def test_several_at_once(self, exchanger: Exchanger) -> None:
        exchanger.put(a=1, б=2.5, c="c")
        assert exchanger.get("c", "б", "a") == {"c": "c", "б": 2.5, "a": 1}

    def test_what_julia_makes_of_them(self, exchanger: Exchanger) -> None:
        exchanger.put(
            n=None,
            i=3,
            b=2**70,
            z=1 + 2j,
            q=Fraction(1, 3),
            day=dt.date(2024, 2, 29),
            at=dt.datetime(2024, 2, 29, 1, 2, 3, 456000),
            clock=dt.time(1, 2, 3, 4),
            span=dt.timedelta(seconds=5),
            tiny=dt.timedelta(microseconds=5),
            pair=(1, "x"),
            numbers=[1, 2],
            table={"k": [1.0]},
        )
        for code in (
            "n === nothing",
            "i === 3",
            "b == big(2)^70",
            "z === 1.0 + 2.0im",
            "q === 1//3",
            "using Dates; day === Date(2024, 2, 29)",
            "at === DateTime(2024, 2, 29, 1, 2, 3, 456)",
            "clock === Time(1, 2, 3, 0, 4)",
            "span === Millisecond(5000)",
            "tiny === Microsecond(5)",
            'pair === (1, "x")',
            "numbers isa Vector{Int64}",
            'table isa Dict{String,Vector{Float64}} && table["k"] == [1.0]',
        ):
            assert exchanger.julia(code) == "true", code

    def test_named_tuples(self, exchanger: Exchanger) -> None:
        from collections import namedtuple  # noqa: PLC0415

        exchanger.put(p=namedtuple("Point", "x y")(1, "b"))
        assert exchanger.julia('p === (x = 1, y = "b")') == "true"
        assert exchanger.get("p")["p"] == {"x": 1, "y": "b"}


numeric = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="="),
    hnp.unsigned_integer_dtypes(endianness="="),
    hnp.floating_dtypes(sizes=(16, 32, 64), endianness="="),
    hnp.complex_number_dtypes(sizes=(64, 128), endianness="="),
)
arrays = numeric.flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)


def raw(array: np.ndarray) -> bytes:
    """The bits, all NaN being one."""
    array = np.array(array, order="C")
    if array.dtype.kind == "f":
        array[np.isnan(array)] = np.nan
    elif array.dtype.kind == "c":
        parts = array.reshape(-1).view(f"f{array.dtype.itemsize // 2}")
        parts[np.isnan(parts)] = np.nan
    return array.tobytes()


class TestArrays:
    @gently
    @given(array=arrays, order=st.sampled_from("CF"))
    def test_numbers_of_every_kind(self, exchanger: Exchanger, array: np.ndarray, order: str) -> None:
        array = np.array(array, order=order)
        came = exchanger.round_trip(array)
        assert came.dtype == array.dtype
        assert came.shape == array.shape
        assert raw(came) == raw(array)
        assert came.flags.writeable

    def test_indices_mean_the_same_in_julia(self, exchanger: Exchanger) -> None:
        exchanger.put(cube=np.arange(24.0).reshape(2, 3, 4))
        assert exchanger.julia("size(cube)") == "(2, 3, 4)"
        assert exchanger.julia("cube[2, 3, 4] == 23 && cube[1, 1, 2] == 1 && cube[2, 1, 1] == 12") == "true"

    @pytest.mark.parametrize(
        "view",
        [
            lambda a: a[::2, 1:],
            lambda a: a.T,
            lambda a: a[::-1],
            lambda a: a[:, :1],
            lambda a: np.broadcast_to(a, (2, 4, 6)),
        ],
    )
    def test_views(self, exchanger: Exchanger, view: Any) -> None:
        array = view(np.arange(24).reshape(4, 6))
        assert np.array_equal(exchanger.round_trip(array), array)

    def test_the_other_byte_order(self, exchanger: Exchanger) -> None:
        came = exchanger.round_trip(np.array([1.5, -2.25], dtype=">f8"))
        assert came.tolist() == [1.5, -2.25]

    @gently
    @given(
        data=hnp.arrays(np.dtype("f8"), hnp.array_shapes(max_dims=2, max_side=4)),
        seed=st.integers(0, 2**16),
    )
    def test_masked(self, exchanger: Exchanger, data: np.ndarray, seed: int) -> None:
        mask = np.random.default_rng(seed).random(data.shape) < 0.5
        came = exchanger.round_trip(np.ma.MaskedArray(data, mask))
        if not isinstance(came, np.ma.MaskedArray):
            came = np.ma.MaskedArray(came)
        assert np.array_equal(np.ma.getmaskarray(came), mask)
        assert raw(came.data[~mask]) == raw(data[~mask])

    @pytest.mark.parametrize("unit", ["D", "h", "m", "s", "ms"])
    def test_dates(self, exchanger: Exchanger, unit: str) -> None:
        array = np.array(["2024-02-29", "1969-12-31", "0001-01-01"], dtype=f"M8[{unit}]")
        came = exchanger.round_trip(array)
        assert came.dtype == ("M8[D]" if unit == "D" else "M8[ms]")
        assert np.array_equal(came, array)
        assert exchanger.notices == []

    def test_times_that_are_cut(self, exchanger: Exchanger) -> None:
        came = exchanger.round_trip(np.array(["2024-02-29T01:02:03.123456"], dtype="M8[us]"))
        assert came[0] == np.datetime64("2024-02-29T01:02:03.123")
        assert len(exchanger.notices) == 1
        assert exchanger.notices[0].startswith("value: times were cut to whole milliseconds")

    def test_no_time_is_missing(self, exchanger: Exchanger) -> None:
        came = exchanger.round_trip(np.array(["2024-02-29", "NaT"], dtype="M8[D]"))
        assert came.mask.tolist() == [False, True]
        assert exchanger.julia("ismissing(value[2])") == "true"

    @pytest.mark.parametrize("unit", ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns"])
    def test_durations(self, exchanger: Exchanger, unit: str) -> None:
        array = np.array([[1, -2], [3, 4]], dtype=f"m8[{unit}]")
        came = exchanger.round_trip(array)
        assert came.dtype == array.dtype
        assert np.array_equal(came, array)

    def test_strings_and_objects(self, exchanger: Exchanger) -> None:
        words = exchanger.round_trip(np.array([["a", "бв"], ["", "😀"]]))
        assert words.tolist() == [["a", "бв"], ["", "😀"]]
        mixed = exchanger.round_trip(np.array([[1, "x"], [None, 2.5]], dtype=object))
        assert mixed.tolist() == [[1, "x"], [None, 2.5]]
        assert exchanger.round_trip(np.array(["a", "b"])) == ["a", "b"]

    @pytest.mark.parametrize(
        "value", [np.float32(1.5), np.int8(-3), np.uint64(2**64 - 1), np.bool_(True), np.complex64(1 + 2j)]
    )
    def test_single_numbers(self, exchanger: Exchanger, value: Any) -> None:
        exchanger.put(value=value)
        kind = {
            "float32": "Float32",
            "int8": "Int8",
            "uint64": "UInt64",
            "bool": "Bool",
            "complex64": "Complex{Float32}",
        }
        assert exchanger.julia(f"value isa {kind[str(value.dtype)]}") == "true"
        assert exchanger.get("value")["value"] == value.item()

    @pytest.mark.parametrize("length", [32_000, 40_000, 400_000])
    def test_large_ones_in_pieces_and_as_files(self, exchanger: Exchanger, length: int) -> None:
        array = np.random.default_rng(1).random(length)
        came = exchanger.round_trip(array)
        assert raw(came) == raw(array)

    def test_empty_ones_keep_their_shape(self, exchanger: Exchanger) -> None:
        came = exchanger.round_trip(np.zeros((0, 3), dtype="f4"))
        assert came.shape == (0, 3)
        assert came.dtype == "f4"


class TestFromJulia:
    """What Julia has and Python has not just like that."""

    @pytest.mark.parametrize(
        ("code", "value"),
        [
            (":name", "name"),
            ("'я'", "я"),
            ("1 => \"a\"", (1, "a")),
            ("Int32(5)", 5),
            ("typemax(UInt128)", 2**128 - 1),
            ("Float32(0.1)", float(np.float32(0.1))),
            ("π", math.pi),
            ("3 + 4im", 3 + 4j),
            ("SubString(\"abc\", 2)", "bc"),
            ("(a = 1, b = \"x\")", {"a": 1, "b": "x"}),
            ("Dict(:a => Dict(1 => nothing))", {"a": {1: None}}),
            ("codeunits(\"abc\")", b"abc"),
            ("Any[1, \"a\", [2.0, 3.0][1]]", [1, "a", 2.0]),
            ("Union{Nothing,Float64}[1.5, nothing]", [1.5, None]),
            ("using Dates; Dates.Hour(3)", dt.timedelta(hours=3)),
            ("Dates.Nanosecond(5000)", dt.timedelta(microseconds=5)),
            ("Dates.Time(23, 59)", dt.time(23, 59)),
        ],
    )  # fmt: skip
    def test_values(self, exchanger: Exchanger, code: str, value: Any) -> None:
        if code.startswith("using Dates; "):
            exchanger.julia("using Dates")
            code = code.removeprefix("using Dates; ")
        exchanger.julia("import Dates")
        came = exchanger.value(code)
        assert came == value
        assert type(came) is type(value)

    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("1:4", [1, 2, 3, 4]),
            ("range(0, stop = 1, length = 3)", [0.0, 0.5, 1.0]),
            ("view([1 2; 3 4], :, 2)", [2, 4]),
            ("[1 2; 3 4]'", [[1, 3], [2, 4]]),
            ("[true, false] .| false", [True, False]),
            ("fill(2.5)", 2.5),
        ],
    )
    def test_arrays_of_all_sorts(self, exchanger: Exchanger, code: str, expected: Any) -> None:
        came = exchanger.value(code)
        assert isinstance(came, np.ndarray)
        assert came.tolist() == expected

    @pytest.mark.parametrize(
        ("code", "reason"),
        [
            ("sin", "sin"),
            ("Base", "Module"),
            ("x -> x", "no counterpart"),
            ("r\"a\"", "Regex"),
            ("1 // 0", "fraction"),
            ("(v = Any[1]; push!(v, v); v)", "nested more than 100 levels"),
            ("Dict(:a => 1, \"a\" => 2)", "the same in Python"),
            ("Dict([1] => 2)", "key of a dict"),
            ("Vector{String}(undef, 1)", "#undef"),
            ("String([0xff])", "UTF-8"),
        ],
    )  # fmt: skip
    def test_what_python_does_not_have(self, exchanger: Exchanger, code: str, reason: str) -> None:
        from engee_kernel.facts.errors import ExchangeError  # noqa: PLC0415

        with pytest.raises(ExchangeError) as caught:
            exchanger.value(code)
        assert "value can't be fetched from Engee" in caught.value.message
        assert reason in caught.value.message

    def test_a_variable_that_is_not_there(self, exchanger: Exchanger) -> None:
        from engee_kernel.facts.errors import ExchangeError  # noqa: PLC0415

        with pytest.raises(ExchangeError, match="nowhere can't be fetched from Engee: there is no such variable"):
            exchanger.get("nowhere")
