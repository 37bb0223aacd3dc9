"""What text becomes for people, and what Julia's own writing of text becomes for us."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engee_kernel.facts.text import (
    count_frames,
    duration,
    ends_with_semicolon,
    paint,
    size,
    split_description,
    summary_of_body,
    unquote_julia,
    without_world,
)

TRACE_OF_THE_API_PAGE = (
    "UndefVarError: `unexisting_variable` not defined\n\nStacktrace:\n [1] top-level scope\n @ none:1\n"
    " [2] eval(m::Module, e::Any)\n @ Core ./boot.jl:370\n [3] top-level scope\n @ none:4\n"
    " [4] eval\n @ ./boot.jl:370 [inlined]"
)


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ('""', ""),
        ('"a"', "a"),
        (r'"a\$b"', "a$b"),
        (r'"a\nb\tc\r"', "a\nb\tc\r"),
        (r'"\"quoted\" \\ "', '"quoted" \\ '),
        (r'"\0\a\b\f\v\e"', "\0\a\b\f\v\x1b"),
        (r'"\x001"', "\x001"),
        (r'"\u00011"', "\x011"),
        (r'"\u85 x"', "\x85 x"),
        (r'"\U1f600"', "\U0001f600"),
        ('"Привет, α 😀"', "Привет, α 😀"),
        (r'"\\n"', r"\n"),
    ],
)
def test_julia_literal(literal: str, text: str) -> None:
    assert unquote_julia(literal) == text


@pytest.mark.parametrize("literal", ["", '"', "a", '"a', 'a"', "'a'", r'"\U00110000"'])
def test_what_is_no_julia_literal_raises_value_error(literal: str) -> None:
    with pytest.raises(ValueError):
        unquote_julia(literal)


@given(st.text())
def test_unquoting_ends_in_text_or_value_error(text: str) -> None:
    try:
        assert isinstance(unquote_julia(f'"{text}"'), str)
    except ValueError:
        assert "\\U" in text


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (12, "12 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.6, "1 h 00 min"),
        (7620, "2 h 07 min"),
    ],
)
def test_duration(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0 B"), (512, "512 B"), (1536, "1.5 KiB"), (3 * 2**20, "3.0 MiB"), (2**40, "1.0 TiB"), (2**50, "1024.0 TiB")],
)
def test_size(number: float, shown: str) -> None:
    assert size(number) == shown


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("", ""),
        ("plain text\n of two lines", "plain text of two lines"),
        ("<html><head><title>502 Bad Gateway</title></head><body>x</body></html>", "502 Bad Gateway"),
        ("<html><style>p{}</style><body><p>Busy &amp; tired</p></body></html>", "Busy & tired"),
        ("<HTML><BODY><H1>Ошибка 503</H1><script>alert(1)</script></BODY></HTML>", "Ошибка 503"),
        ("<html><body></body></html>", ""),
        ('{"error": "Unauthorized", "message": "The token is\\nunknown."}', "The token is unknown."),
        ('{"detail": "Not Found"}', "Not Found"),
        ('{"error": {"type": "X"}}', '{"error": {"type": "X"}}'),
        ('{"message": ""}', '{"message": ""}'),
        ('{"message": ', '{"message":'),
        ('["message"]', '["message"]'),
    ],
)
def test_summary_of_a_body(body: str, line: str) -> None:
    assert summary_of_body(body) == line


@pytest.mark.parametrize(
    ("short", "lasting"),
    [
        ('MethodError(sqrt, ("a",), 0x000000000000997e)', 'MethodError(sqrt, ("a",))'),
        ("MethodError(f, (0x0000000000000001,), 0x0000000000006dac)", "MethodError(f, (0x0000000000000001,))"),
        ("UndefVarError(:x, 0x00000000000099af, Main)", "UndefVarError(:x)"),
        ("UndefVarError(:x, 0x00000000000099af, Main.A.B)", "UndefVarError(:x)"),
        ("UndefVarError(:x)", "UndefVarError(:x)"),
        ("KeyError(0x0000000000000001)", "KeyError(0x0000000000000001)"),
        ("DomainError(1, 0x0000000000000001)", "DomainError(1, 0x0000000000000001)"),
    ],
)
def test_the_number_of_a_world_is_not_kept(short: str, lasting: str) -> None:
    assert without_world(short) == lasting


@given(st.text(), st.integers(min_value=1, max_value=300))
def test_a_summary_is_one_bounded_line(body: str, limit: int) -> None:
    line = summary_of_body(body, limit)
    assert len(line) <= limit
    assert line == " ".join(line.split())


@given(st.text(alphabet=st.characters(exclude_characters="<>&")))
def test_tags_never_reach_a_summary(text: str) -> None:
    line = summary_of_body(f"<html><script>secret()</script><body><p class='a'>{text}</p></body></html>", 10_000)
    assert line == " ".join(text.split())


@pytest.mark.parametrize(
    ("code", "quiet"),
    [
        ("x;", True),
        ("x ; \n", True),
        ("x; # why", True),
        ("x; # why\n\n", True),
        ("x", False),
        ("x; y", False),
        ("x;\ny", False),
        ('"a; # b"', False),
        ("", False),
        (";", True),
    ],
)
def test_code_that_ends_in_a_semicolon(code: str, quiet: bool) -> None:
    assert ends_with_semicolon(code) is quiet


def test_the_trace_of_the_api_page_is_split_behind_the_persons_frames() -> None:
    message, own, server = split_description(TRACE_OF_THE_API_PAGE)
    assert message == "UndefVarError: `unexisting_variable` not defined"
    assert own == " [1] top-level scope\n @ none:1"
    assert server.startswith("\n [2] eval(m::Module") or server.startswith(" [2] eval(m::Module")
    assert count_frames(server) == 3


@pytest.mark.parametrize(
    ("description", "parts"),
    [
        ("", ("", "", "")),
        ("just a message\n", ("just a message", "", "")),
        ("m\nStacktrace:\n [1] f()\n   @ Main none:1", ("m", " [1] f()\n   @ Main none:1", "")),
        # Julia 1.12.5, an undefined name at the top level
        (
            "m\n\nStacktrace:\n [1] eval(m::Module, e::Any)\n   @ Core ./boot.jl:489\n [2] include_string()\n",
            ("m", "", " [1] eval(m::Module, e::Any)\n   @ Core ./boot.jl:489\n [2] include_string()"),
        ),
    ],
)
def test_descriptions_without_a_top_level_scope(description: str, parts: tuple[str, str, str]) -> None:
    assert split_description(description) == parts


@given(st.text())
def test_splitting_a_description_loses_no_frame(text: str) -> None:
    message, own, server = split_description(text)
    assert all(part in text for part in (message, own, server))


@given(st.text(alphabet="ab\n "))
def test_each_painted_line_ends_its_own_colour(text: str) -> None:
    painted = paint(text, "red").split("\n")
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in painted] == text.split("\n")
    assert all(not line or line.endswith("\x1b[0m") for line in painted)
