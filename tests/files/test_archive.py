"""ZIPs from a server that may be anything."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from engee_kernel.facts.errors import TransferError
from engee_kernel.files.archive import ForeignEntryError, UnmatchedError, copy_entry, match_entries, open_archive

SOURCES = ["/user/d/a.txt", "/user/d/й.txt"]


def archive(*names: str, link: str = "") -> zipfile.ZipFile:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as made:
        for name in names:
            made.writestr(name, f"content of {name}")
        if link:
            entry = zipfile.ZipInfo(link)
            entry.create_system = 3
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            made.writestr(entry, "/etc")
    return zipfile.ZipFile(data)


@pytest.mark.parametrize(
    "names",
    [
        ("a.txt", "й.txt"),
        ("й.txt", "a.txt"),
        ("d/a.txt", "d/й.txt"),
        ("user/d/a.txt", "user/d/й.txt"),
        ("/user/d/a.txt", "/user/d/й.txt"),
        ("d/", "d/a.txt", "d/й.txt"),
        ("a.txt", "и\u0306.txt"),
        ("a.txt", "й.txt".encode().decode("cp437")),
    ],
)
def test_entries_are_recognised_by_the_end_of_their_path(names: tuple[str, ...]) -> None:
    found = match_entries(archive(*names), SOURCES)
    assert [entry.filename for entry in found] == sorted(
        (name for name in names if not name.endswith("/")), key=lambda name: not name.endswith("a.txt")
    )


@pytest.mark.parametrize("extra", ["../x", "/etc/passwd", "C:\\x", "..\\x", "e/../../../a.txt"])
def test_an_entry_that_leads_out_condemns_the_zip(extra: str) -> None:
    with pytest.raises(ForeignEntryError):
        match_entries(archive("a.txt", "й.txt", extra), SOURCES)


def test_a_link_is_never_taken_for_a_file() -> None:
    with pytest.raises(ForeignEntryError):
        match_entries(archive("й.txt", link="a.txt"), SOURCES)


@pytest.mark.parametrize("names", [("a.txt",), ("a.txt", "other.txt"), ("x/a.txt", "d/й.txt"), ("a.txt", "a.txt")])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_can_not_be_told_apart_is_not_guessed(names: tuple[str, ...]) -> None:
    with pytest.raises(UnmatchedError):
        match_entries(archive(*names), SOURCES)


def test_an_entry_that_unpacks_to_more_than_it_should_is_stopped() -> None:
    zipped = archive("a.txt")
    written = bytearray()
    with pytest.raises(TransferError, match="more than the 5 bytes"):
        copy_entry(zipped, zipped.infolist()[0], written.extend, 5)
    assert len(written) <= 5


def test_a_broken_zip_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"PK no")
    with pytest.raises(TransferError, match="not a whole ZIP"):
        open_archive(tmp_path / "x")


def test_a_broken_entry_is_said_to_be_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x", "w") as made:
        made.writestr("a.txt", b"hello, hello, hello")
    data = (tmp_path / "x").read_bytes().replace(b"hello", b"jello", 1)
    (tmp_path / "x").write_bytes(data)
    with open_archive(tmp_path / "x") as zipped, pytest.raises(TransferError, match="can't be read"):
        copy_entry(zipped, zipped.infolist()[0], bytearray().extend, 100)
