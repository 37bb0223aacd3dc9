"""pandas tables and columns to a real Julia and back, and what can't be sent."""

from __future__ import annotations

import datetime as dt
import decimal
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from exchanger import Exchanger
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from engee_kernel.exchange import check_names, encode
from engee_kernel.facts.errors import ExchangeError, UsageError

pytestmark = pytest.mark.julia


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "n": [1, 2, 3],
            "x": [0.1, np.nan, -0.0],
            "имя столбца": ["a", None, "ц"],
            "at": pd.to_datetime(["2024-02-29 01:02:03.004", None, "1969-12-31 00:00:00.000"]).astype("datetime64[ms]"),
            "span": pd.to_timedelta([1, None, 3], unit="s").astype("timedelta64[ms]"),
            "flag": [True, False, True],
            "small": pd.array([1, None, 3], dtype="Int8"),
            "maybe": pd.array([True, None, False], dtype="boolean"),
            "single": np.array([1.5, 2.5, 3.5], dtype="f4"),
        }
    )


class TestTables:
    def test_a_table_comes_back_as_it_went(self, exchanger: Exchanger) -> None:
        came = exchanger.round_trip(frame())
        assert_frame_equal(came, frame())
        assert np.signbit(came["x"].iloc[2])

    def test_what_julia_sees(self, exchanger: Exchanger) -> None:
        exchanger.put(t=frame())
        for code in (
            "t isa NamedTuple",
            'keys(t) == (:n, :x, Symbol("имя столбца"), :at, :span, :flag, :small, :maybe, :single)',
            "t.n isa Vector{Int64}",
            "t.x isa Vector{Union{Missing,Float64}} && ismissing(t.x[2]) && t.x[1] === 0.1",
            'isequal(t[3], ["a", missing, "ц"])',
            "import Dates; t.at[1] === Dates.DateTime(2024, 2, 29, 1, 2, 3, 4) && ismissing(t.at[2])",
            "t.span[1] === Dates.Millisecond(1000)",
            "t.flag isa Vector{Bool}",
            "t.small isa Vector{Union{Missing,Int8}}",
            "isequal(t.maybe, [true, missing, false])",
            "t.single isa Vector{Float32}",
        ):
            assert exchanger.julia(code) == "true", code

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.dictionaries(
            st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=5),
            st.sampled_from(["i8", "f8", "?", "M8[ms]", "u2"]),
            min_size=1,
            max_size=5,
        ),
        st.integers(0, 4),
        st.integers(0, 2**16),
    )
    def test_columns_of_all_kinds(self, exchanger: Exchanger, kinds: dict[str, str], rows: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        table = pd.DataFrame(
            {name: random.integers(0, 2, rows).astype("i8").astype(kind) for name, kind in kinds.items()}
        )
        assert_frame_equal(exchanger.round_trip(table), table)

    def test_categories_become_their_values(self, exchanger: Exchanger) -> None:
        column = pd.Series(["low", "high", None, "low"], dtype="category")
        exchanger.put(c=column, t=pd.DataFrame({"c": column, "n": pd.Categorical([3, 1, 3, 1])}))
        assert exchanger.julia('isequal(c, ["low", "high", missing, "low"])') == "true"
        assert exchanger.julia("t.n == [3, 1, 3, 1] && t.n isa Vector{Int64}") == "true"
        assert exchanger.get("t")["t"]["c"].tolist()[:2] == ["low", "high"]

    def test_a_column(self, exchanger: Exchanger) -> None:
        exchanger.put(s=pd.Series([1.5, None]))
        assert exchanger.julia("isequal(s, [1.5, missing])") == "true"
        assert exchanger.notices == []
        exchanger.put(s=pd.Series([1, 2], index=["a", "b"]))
        assert "index" in exchanger.notices[0]

    def test_an_index_that_says_something_becomes_a_column(self, exchanger: Exchanger) -> None:
        times = pd.date_range("2024-01-01", periods=2, freq="D", unit="ms")
        exchanger.put(
            named=pd.DataFrame({"v": [1, 2]}, index=times.rename("t")), bare=pd.DataFrame({"v": [1, 2]}, times)
        )
        assert exchanger.julia("keys(named), keys(bare)") == "((:t, :v), (:index, :v))"

    def test_row_numbers_are_left_out_and_that_is_said(self, exchanger: Exchanger) -> None:
        table = pd.DataFrame({"v": [1, 2, 3]})
        exchanger.put(t=table[table["v"] != 2])
        assert exchanger.julia("keys(t)") == "(:v,)"
        assert exchanger.notices == ["t: the row numbers (index) of the pandas.DataFrame were left out."]

    def test_numbers_as_column_names(self, exchanger: Exchanger) -> None:
        assert exchanger.round_trip(pd.DataFrame({0: [1], 1: [2]})).columns.tolist() == ["0", "1"]

    def test_no_rows(self, exchanger: Exchanger) -> None:
        came = exchanger.round_trip(pd.DataFrame({"a": np.array([], dtype="f8"), "s": np.array([], dtype=object)}))
        assert came.shape == (0, 2)
        assert came["a"].dtype == "f8"

    def test_a_struct_whose_properties_are_columns(self, exchanger: Exchanger) -> None:
        exchanger.julia("struct Signal; t; y; end")
        came = exchanger.value("Signal([0.0, 0.1], [1, missing])")
        assert came.columns.tolist() == ["t", "y"]
        assert came["t"].tolist() == [0.0, 0.1]
        assert came["y"].isna().tolist() == [False, True]

    def test_columns_of_different_length_are_no_table(self, exchanger: Exchanger) -> None:
        came = exchanger.value("(a = [1, 2], b = [1])")
        assert isinstance(came, dict)

    def test_mixed_columns_keep_their_values(self, exchanger: Exchanger) -> None:
        came = exchanger.value('(a = Any[2^60 + 1, missing, "x"], b = Any[[1, 2], 3.5, nothing])')
        assert came["a"].tolist() == [2**60 + 1, None, "x"]
        assert came["b"].iloc[0].tolist() == [1, 2]
        assert came["b"].iloc[2] is None

    def test_single_values(self, exchanger: Exchanger) -> None:
        assert exchanger.round_trip(pd.NA) is pd.NA
        assert exchanger.round_trip(pd.NaT) is pd.NA
        assert exchanger.round_trip(pd.Timestamp("2024-02-29 01:02:03.004")) == dt.datetime(2024, 2, 29, 1, 2, 3, 4000)
        assert exchanger.round_trip(pd.Timedelta("3 s")) == dt.timedelta(seconds=3)

    def test_a_data_frame_where_julia_has_the_package(self, exchanger: Exchanger, julia_package: str) -> None:
        """A stand-in for DataFrames.jl with its identity, whose DataFrame takes columns as the real one does."""
        exchanger.julia(julia_package)
        exchanger.julia("using DataFrames")
        exchanger.put(t=pd.DataFrame({"a": [1, 2], "b": ["x", None]}))
        assert exchanger.julia("t isa DataFrame") == "true"
        assert_frame_equal(exchanger.get("t")["t"], pd.DataFrame({"a": [1, 2], "b": ["x", None]}))


@pytest.fixture
def julia_package(exchanger: Exchanger) -> Any:
    """Julia code that puts a package DataFrames where `using` finds it; it is unloaded afterwards."""
    yield """
    let folder = mktempdir()
        mkpath(joinpath(folder, "DataFrames", "src"))
        write(joinpath(folder, "DataFrames", "Project.toml"),
              "name = \\"DataFrames\\"\\nuuid = \\"a93c6f00-e57d-5684-b7b6-d8193f3e46c0\\"\\nversion = \\"1.0.0\\"\\n")
        write(joinpath(folder, "DataFrames", "src", "DataFrames.jl"), \"\"\"
        module DataFrames
        export DataFrame
        struct DataFrame
            columns::NamedTuple
        end
        Base.propertynames(df::DataFrame) = collect(keys(getfield(df, :columns)))
        Base.getproperty(df::DataFrame, name::Symbol) = getfield(df, :columns)[name]
        end
        \"\"\")
        push!(LOAD_PATH, folder)
    end; nothing"""
    exchanger.julia(
        'delete!(Base.loaded_modules, Base.PkgId(Base.UUID("a93c6f00-e57d-5684-b7b6-d8193f3e46c0"), "DataFrames")); '
        "pop!(LOAD_PATH); nothing"
    )


class TestRefusals:
    """Nothing is sent: these need no Julia."""

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            (object(), "a object has no counterpart"),
            (decimal.Decimal(1), "a decimal.Decimal has no"),
            (re.compile("a"), "re.Pattern"),
            (len, "builtin_function"),
            ([1, {"k": object()}], "a object has no counterpart"),
            ("\ud800", "half a surrogate pair"),
            (dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc), "time zone"),
            (dt.time(1, tzinfo=dt.timezone.utc), "time zone"),
            (np.zeros(2, dtype=[("a", "f8")]), r"numpy's \[\('a'"),
            pytest.param(
                np.zeros(2, dtype=np.longdouble),
                "float",
                marks=pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="an ordinary double here"),
            ),
            (np.array([1], dtype="m8[ps]"), "timedelta64"),
            (pd.Timestamp("2024-01-01", tz="UTC"), "time zone"),
            (pd.DataFrame({"t": pd.to_datetime(["2024-01-01"]).tz_localize("UTC")}), "time zone"),
            (pd.DataFrame([[1, 2]], columns=["a", "a"]), "more than one column named a"),
            (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "several levels"),
            (pd.DataFrame({"a\0b": [1]}), "NUL"),
            (pd.MultiIndex.from_tuples([("a", "b")]), "MultiIndex"),
        ],
    )
    def test_the_variable_and_the_type_are_named(self, value: Any, reason: str) -> None:
        with pytest.raises(ExchangeError, match=reason) as caught:
            encode({"good": 1, "culprit": value})
        assert caught.value.message.startswith("culprit can't be sent to Engee: ")
        assert caught.value.hint

    def test_what_holds_itself(self) -> None:
        ring: list[Any] = []
        ring.append(ring)
        with pytest.raises(ExchangeError, match="nested more than 100 levels deep, or holds itself"):
            encode({"ring": ring})

    @pytest.mark.parametrize("name", ["end", "function", "2x", "a-b", "a b", "", "class", "a.b"])
    def test_names(self, name: str) -> None:
        with pytest.raises(UsageError):
            check_names([name])

    def test_good_names(self) -> None:
        check_names(["a", "_", "α", "имя", "x1"])
