"""Remote names, patterns, local names: decided without a server."""

from __future__ import annotations

import pytest

from engee_kernel.facts.errors import ForbiddenPathError, UsageError
from engee_kernel.files import paths


@pytest.mark.parametrize(
    ("text", "folder", "expected"),
    [
        ("a.csv", "/user", "/user/a.csv"),
        ("a.csv", "/user/data", "/user/data/a.csv"),
        ("../a.csv", "/user/data", "/user/a.csv"),
        ("/user/x/./y//z/", "/user/data", "/user/x/y/z"),
        ("~", "/user/data", "/user"),
        ("~/мой файл.jl", "/user/data", "/user/мой файл.jl"),
        (".", "/user/data", "/user/data"),
    ],
)
def test_remote_paths_begin_at_the_remote_folder(text: str, folder: str, expected: str) -> None:
    assert paths.remote_path(text, folder) == expected


@pytest.mark.parametrize("text", ["/etc/passwd", "..", "../..", "/user/../etc", "/username/x", "/", "//user/x"])
def test_remote_paths_stay_below_user(text: str) -> None:
    with pytest.raises(ForbiddenPathError):
        paths.remote_path(text)


@pytest.mark.parametrize("text", ["", "a\0b"])
def test_no_path_is_no_path(text: str) -> None:
    with pytest.raises(UsageError):
        paths.remote_path(text)


def test_braces_become_alternatives() -> None:
    assert paths.expand_braces("a{b,c{d,e}}f") == ["abf", "acdf", "acef"]
    assert paths.expand_braces("a{b}") == ["a{b}"]
    assert paths.expand_braces("a{b,c") == ["a{b,c"]


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("a.csv", "*.csv", True),
        ("A.CSV", "*.csv", False),
        (".hidden.csv", "*.csv", False),
        (".hidden.csv", ".*.csv", True),
        ("и\u0306.txt", "й.*", True),
        ("data1", "data[0-9]", True),
        ("datax", "data[!0-9]", True),
    ],
)
def test_patterns_match_as_in_a_shell(name: str, pattern: str, expected: bool) -> None:
    assert paths.matches(name, pattern) is expected


@pytest.mark.parametrize(
    "name",
    [
        "CON",
        "con.txt",
        "Nul",
        "COM1",
        "lpt9.log",
        "aux .c",
        "a:b",
        "a\\b",
        'a"b',
        "a?",
        "a*",
        "a|b",
        "<",
        "dot.",
        "space ",
        "a\x07",
    ],
)
def test_names_that_windows_can_not_have_are_refused_there(name: str) -> None:
    assert paths.name_problem(name, windows=True)
    assert not paths.name_problem(name, windows=False)


@pytest.mark.parametrize("windows", [True, False])
@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a\0"])
def test_names_that_lead_elsewhere_are_refused_everywhere(name: str, windows: bool) -> None:
    assert paths.name_problem(name, windows=windows)


@pytest.mark.parametrize("name", ["console.txt", "com10", "отчёт 1.csv", "a.b.c", "-", "COM"])
def test_good_names_are_good_everywhere(name: str) -> None:
    assert not paths.name_problem(name, windows=True)


def test_a_relative_path_with_a_bad_part_is_refused() -> None:
    assert paths.local_parts("a/b c/й.txt", windows=True) == ("a", "b c", "й.txt")
    with pytest.raises(ForbiddenPathError, match="leads out"):
        paths.local_parts("a/../b", windows=False)


@pytest.mark.parametrize("entry", ["/a", "\\a", "../a", "a/../../b", "..\\a", "C:a", "c:\\a", "//host/share"])
def test_entries_that_lead_out_are_seen(entry: str) -> None:
    assert paths.leads_out(entry)


@pytest.mark.parametrize("entry", ["a", "a/b", "a..b", "…", "a b/й"])
def test_entries_that_stay_are_let_through(entry: str) -> None:
    assert not paths.leads_out(entry)


def test_batches_are_bounded_by_bytes_count_and_key() -> None:
    def sizes(items: list[int], **options: object) -> list[list[int]]:
        return list(paths.batches(items, lambda item: item, **options))  # type: ignore[arg-type]

    assert sizes([5, 5, 5, 20, 1], limit_bytes=10, limit_count=9) == [[5, 5], [5], [20], [1]]
    assert sizes([1, 1, 1], limit_bytes=10, limit_count=2) == [[1, 1], [1]]
    assert sizes([1, 1, 2], limit_bytes=10, limit_count=9, key=str) == [[1], [1, 2]]
    assert sizes([0, 0], limit_bytes=0, limit_count=9) == [[0, 0]]
    assert sizes([], limit_bytes=0, limit_count=9) == []


def test_clashes_fold_case_and_form_where_the_system_does() -> None:
    assert paths.clashes(["a", "A", "й", "и\u0306"]) == []
    assert paths.clashes(["a", "A", "й", "и\u0306"], fold=str.casefold) == ["A", "и\u0306"]
