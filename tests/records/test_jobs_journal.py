"""The journal of jobs: one file, many processes, no line lost, bad lines skipped."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engee_kernel.records import journal
from engee_kernel.records.journal import Entry, Journal, JournalError, notebook_key

WRITER = """
import sys
from pathlib import Path
from engee_kernel.records.journal import Entry, Journal
own, folder = sys.argv[1], Path(sys.argv[2])
book = Journal(f"{own}.ipynb", folder)
for number in range(60):
    book.note(Entry(f"{own}-{number}", "https://engee.example/", book.notebook, "job", number, "Счёт"))
    book.ended(f"{own}-{number}", "ok")
"""


def entry(job_id: str, **more: object) -> Entry:
    return Entry(job_id, "https://engee.example/", "/n/one.ipynb", "job", **more)  # type: ignore[arg-type]


def test_what_two_processes_write_at_once_is_all_there(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, own, str(tmp_path)]) for own in ("a", "b")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    pages = Journal("", tmp_path).read()
    assert pages.unreadable == 0
    assert set(pages.entries) == {f"{own}-{number}" for own in "ab" for number in range(60)}
    assert all(one.status == "ok" and one.name == "Счёт" for one in pages.entries.values())


def test_the_end_completes_the_entry(tmp_path: Path) -> None:
    book = Journal("/n/one.ipynb", tmp_path)
    book.note(entry("a", count=3, epoch="e", created="2026-01-01T00:00:00+00:00"))
    book.ended("a", "interrupted")
    kept = book.read().entries["a"]
    assert (kept.status, kept.count, kept.epoch, bool(kept.ended)) == ("interrupted", 3, "e", True)


@pytest.mark.parametrize(
    "bad",
    ["{", "[1]", '{"job_id": 3}', '{"job_id": "x", "count": "many"}', "\x00\xff", '{"job_id":"y","server":"s'],
)
def test_a_bad_line_costs_that_line_only(tmp_path: Path, bad: str) -> None:
    book = Journal("", tmp_path)
    book.note(entry("a"))
    with book.path.open("ab") as file:
        file.write(bad.encode("latin-1"))  # not even ended
    book.note(entry("b"))
    pages = book.read()
    assert set(pages.entries) == {"a", "b"}
    assert pages.unreadable == 1


def test_the_end_of_a_forgotten_job_is_no_bad_line(tmp_path: Path) -> None:
    book = Journal("", tmp_path)
    book.ended("gone", "ok")
    assert (book.read().entries, book.read().unreadable) == ({}, 0)


def test_fields_of_a_newer_version_are_left_alone(tmp_path: Path) -> None:
    book = Journal("", tmp_path)
    book.note(entry("a"))
    with book.path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"job_id": "a", "colour": "blue", "status": "ok"}) + "\n")
    assert book.read().entries["a"].status == "ok"
    assert book.read().unreadable == 0


def test_it_stays_small_and_keeps_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "LIMIT_BYTES", 20_000)
    monkeypatch.setattr(journal, "KEPT_JOBS", 30)
    book = Journal("/n/one.ipynb", tmp_path)
    for number in range(300):
        book.note(entry(f"job-{number}", name="n" * 50))
        assert book.path.stat().st_size <= 20_000
    kept = list(book.read().entries)
    assert kept[-1] == "job-299"
    assert len(kept) < 300
    assert kept == [f"job-{number}" for number in range(300 - len(kept), 300)]


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a person's folder by its access list")
def test_others_can_not_read_it(tmp_path: Path) -> None:
    book = Journal("", tmp_path / "new" / "folder")
    book.note(entry("a"))
    assert stat.S_IMODE(book.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(book.path.parent.stat().st_mode) == 0o700


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(JournalError, match="file"):
        Journal("", tmp_path / "file" / "below").note(entry("a"))
    assert Journal("", tmp_path / "nothing").read().entries == {}


def test_a_notebook_is_known_by_its_path_else_by_its_folder() -> None:
    assert notebook_key({"JPY_SESSION_NAME": "/n/a.ipynb"}, "/n") == "/n/a.ipynb"
    assert notebook_key({}, "/n") == "/n"
