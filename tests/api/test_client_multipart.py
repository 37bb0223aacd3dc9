"""Downloads of one file: the multipart reply, however its bytes are cut and its name is written."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from engee_kernel.api.multipart import PartReader, boundary_of, file_name_of
from engee_kernel.facts.errors import UnexpectedReplyError

BOUNDARY = b"----engee12ab"


def body_of(content: bytes, disposition: bytes = b'form-data; name="file"; filename="a.csv"') -> bytes:
    head = b"--" + BOUNDARY + b"\r\nContent-Disposition: " + disposition + b"\r\nContent-Type: text/csv\r\n\r\n"
    return head + content + b"\r\n--" + BOUNDARY + b"--\r\n"


class Parts:
    """What a reader handed out."""

    def __init__(self) -> None:
        self.names: list[str | None] = []
        self.data = b""
        self.reader = PartReader(BOUNDARY, self.names.append, self._take)

    def _take(self, data: memoryview) -> None:
        self.data += bytes(data)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('Multipart/Form-Data; charset=utf-8; boundary="a b"', b"a b"),
        ("multipart/form-data", None),
        ("application/x-zip-compressed", None),
        ("", None),
        ("text/html; boundary=abc", None),
    ],
)
def test_boundaries(content_type: str, boundary: bytes | None) -> None:
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("form-data; name=file", None),
        ('form-data; name="file"; filename="a.csv"', "a.csv"),
        ("attachment; filename=a.csv", "a.csv"),
        ("form-data; filename*=UTF-8''%D0%B4%D0%B0%D0%BD%D0%BD%D1%8B%D0%B5.csv", "данные.csv"),
        ("form-data; filename=\"x.csv\"; filename*=UTF-8''%D1%85.csv", "х.csv"),
        ('form-data; filename="a%22b.csv"', 'a"b.csv'),
        ('form-data; filename=""', ""),
    ],
)
def test_file_names(disposition: str, name: str | None) -> None:
    assert file_name_of(disposition) == name


def test_a_name_in_raw_utf8() -> None:
    assert file_name_of('form-data; filename="данные α.csv"'.encode().decode("latin-1")) == "данные α.csv"


_names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)


@given(_names)
def test_any_extended_name_is_read_as_it_was_written(name: str) -> None:
    assert file_name_of(f"form-data; name=\"file\"; filename*=UTF-8''{quote(name, safe='')}") == name


@given(st.text(st.characters(max_codepoint=0xFF)))
def test_any_header_has_a_name_or_none(disposition: str) -> None:
    name = file_name_of(disposition)
    assert name is None or isinstance(name, str)


@st.composite
def cut(draw: DrawFn) -> tuple[bytes, list[bytes]]:
    near_boundary = st.sampled_from([b"\r\n", b"\r\n--", b"--" + BOUNDARY[:6], b"\r", b"-", b"\r\n--" + BOUNDARY[:-1]])
    content = b"".join(draw(st.lists(st.binary(max_size=20) | near_boundary, max_size=8)))
    body = body_of(content)
    places = sorted(draw(st.lists(st.integers(0, len(body)), max_size=10)))
    return content, [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)]


@given(cut())
def test_the_bytes_arrive_however_they_are_cut(case: tuple[bytes, list[bytes]]) -> None:
    content, chunks = case
    parts = Parts()
    for chunk in chunks:
        parts.reader.feed(chunk)
    assert parts.data == content
    assert parts.names == ["a.csv"]
    assert parts.reader.complete


@given(st.binary(max_size=50), st.data())
def test_a_body_that_ends_early_is_not_complete(content: bytes, data: st.DataObject) -> None:
    body = body_of(content)
    parts = Parts()
    parts.reader.feed(body[: data.draw(st.integers(0, len(body) - 5))])
    assert not parts.reader.complete
    assert content.startswith(parts.data)


@pytest.mark.parametrize("body", [b"<html>", b"--another\r\n\r\n", b'{"error": 1}'])
def test_what_is_no_multipart(body: bytes) -> None:
    with pytest.raises(UnexpectedReplyError):
        Parts().reader.feed(body)
