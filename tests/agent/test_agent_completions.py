"""Completions: what the agent is asked, and the table that is made of its answer."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from engee_kernel.agent import completions
from engee_kernel.agent.completions import Match, Table


def answer(*found: str, first: int = 1, last: int = 1, replaces: bool = True, **more: int) -> dict[str, object]:
    return {"found": list(found), "first": first, "last": last, "replaces": replaces, **more}


@pytest.mark.parametrize(
    ("code", "cursor", "last", "several"),
    [
        ("printl", 6, 6, False),
        ("printl", 3, 3, False),
        ("printl", 100, 6, False),
        ("α😀", 2, 3, False),
        ("α😀", 1, 1, False),
        ("é = 1; x", 8, 9, True),
        ("x\ny", 1, 1, False),
        ("x\ny", 2, 2, True),
        ("x = 1\n", 99, 6, True),
        ("?", 1, 1, False),
        (";", 1, 1, True),
        ("]a", 2, 2, False),
        ("\u00a0x", 1, 1, False),
    ],
)
def test_the_cursor_is_told_as_the_byte_where_the_character_before_it_begins(
    code: str, cursor: int, last: int, several: bool
) -> None:
    assert completions.question(code, cursor) == (code, last, several)


@pytest.mark.parametrize(
    ("code", "cursor"), [("", 0), ("", 5), ("x", 0), ("x", -1), ("   ", 2), (" \t\r\n\v\f", 9), ("  x", 2)]
)
def test_behind_nothing_but_blanks_nothing_is_asked(code: str, cursor: int) -> None:
    assert completions.question(code, cursor) is None
    end = min(max(cursor, 0), len(code))
    assert completions.table(code, cursor, {}) == Table((), end, end)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("function", "println", "function"),
        ("function", "@time", "macro"),
        ("variable", "@time", "macro"),
        ("module", "Threads", "module"),
        ("type", "Int64", "type"),
        ("variable", "x", "variable"),
        ("KeywordCompletion", "while", "keyword"),
        ("KeyvalCompletion", "true", "keyword"),
        ("KeywordArgumentCompletion", "by=", "param"),
        ("PathCompletion", "notes.txt", "path"),
        ("ShellCompletion", "ls", "path"),
        ("PackageCompletion", "Statistics", "module"),
        ("PropertyCompletion", "alpha", "field"),
        ("FieldCompletion", "alpha", "field"),
        ("BslashCompletion", "α", "latex"),
        ("DictCompletion", '"key one"]', "key"),
        ("TextCompletion", "a", "text"),
        ("SomethingNew", "@a", "text"),
    ],
)
def test_types(kind: str, text: str, expected: str) -> None:
    found = completions.table("a", 1, answer(kind, text))
    assert found == Table((Match(text, expected),), 0, 1)


def test_of_methods_the_rest_of_the_call_is_inserted_at_the_cursor() -> None:
    found = (
        "MethodCompletion",
        "f(x::Int, y) in Main at In[1]:1",
        "MethodCompletion",
        "f(x::Int, y) in Other at In[2]:1",
        "MethodCompletion",
        "f()",
    )
    expected = (Match("x::Int, y)", "method"), Match(")", "method"))
    assert completions.table("α; f(", 5, answer(*found, first=1, last=1, start=4)) == Table(expected, 5, 5)
    # beside anything else it is as with all of them
    mixed = completions.table("f(", 2, answer(*found[:2], "KeywordArgumentCompletion", "by=", first=3, last=3))
    assert mixed == Table((Match("x::Int, y)", "method"), Match("by=", "param")), 2, 2)


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("f(x)", "x)"),
        ("f()", ")"),
        ("f(x::Tuple{Int}, g::typeof(sin); by=(1, 2)) in Main", "x::Tuple{Int}, g::typeof(sin); by=(1, 2))"),
        ("(::Type{T})(x) where T", "::Type{T})"),
        ("f(α::😀) where {α}", "α::😀)"),
        ("f", "f"),
        ("f)", "f)"),
        ("f(x, (y)", "f(x, (y)"),
        ("", ""),
    ],
)
def test_argument_lists(signature: str, expected: str) -> None:
    assert completions.argument_list(signature) == expected


@pytest.mark.parametrize(
    ("code", "cursor", "places", "expected"),
    [
        ("x = printl", 10, {"first": 5, "last": 10}, (4, 10)),
        ("αβγ + my_v + 1", 10, {"first": 10, "last": 13}, (6, 10)),
        ("😀 = 1\nmy_v", 10, {"first": 1, "last": 4, "start": 10}, (6, 10)),
        ("😀; β = \\alpha", 13, {"first": 6, "last": 11, "start": 7}, (7, 13)),
        # a place inside of a character
        ("α_w", 3, {"first": 1, "last": 4}, (0, 3)),
        ("aα", 2, {"first": 1, "last": 2}, (0, 2)),
        ("aα", 2, {"first": 3, "last": 3}, (2, 2)),
        # nothing is replaced
        ("Base.", 5, {"first": 6, "last": 5}, (5, 5)),
        ("a", 1, {"first": 0, "last": -1}, (1, 1)),
        ("abc", 9, {"first": 1, "last": 3, "replaces": False}, (3, 3)),
    ],
)
def test_places_are_told_in_code_points(
    code: str, cursor: int, places: dict[str, int], expected: tuple[int, int]
) -> None:
    table = completions.table(code, cursor, {"found": ["variable", "x"], "replaces": True, **places})
    assert (table.start, table.end) == expected


def pairs(names: Sequence[str]) -> list[str]:
    return [item for name in names for item in ("variable", name)]


def test_a_table_has_each_text_once_and_at_most_500() -> None:
    assert completions.MATCHES_LIMIT == 500
    twice = [f"name_{number // 2}" for number in range(998)] + ["last", "one_too_many"]
    table = completions.table("n", 1, answer(*pairs(twice)))
    assert [match.text for match in table.matches] == [*dict.fromkeys(twice[:998]), "last"]
    # the first of them says of what type it is
    both = completions.table("n", 1, answer("KeywordCompletion", "end", "variable", "end"))
    assert both.matches == (Match("end", "keyword"),)


def test_without_an_answer_the_table_is_empty_and_at_the_cursor() -> None:
    assert completions.table("printl", 3, {}) == Table((), 3, 3)
    assert completions.table("x\n", 99, {"found": []}) == Table((), 2, 2)
