"""What Windows does differently, as far as it can be had anywhere: its paths, its refusals, its letters."""

from __future__ import annotations

import asyncio
import ntpath
import os
import posixpath
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest

from engee_kernel.account.vaults import FileVault
from engee_kernel.disk import replacing
from engee_kernel.facts.errors import TransferError, UsageError
from engee_kernel.files import local, paths
from engee_kernel.files.download import PartFile, download
from engee_kernel.files.local import is_folder_link, plan_upload
from engee_kernel.files.remote import RemoteFiles
from engee_kernel.files.selection import plan_download, split_words
from engee_kernel.files.transfer import Silent, local_error
from engee_kernel.files.upload import upload
from engee_kernel.magics import pathwords
from engee_kernel.records.journal import Entry, Journal

from .conftest import left_behind, tree


def refusal(winerror: int, error_number: int = 13) -> OSError:
    """As Windows raises it."""
    error = OSError(error_number, "Access is denied")
    error.winerror = winerror  # type: ignore[attr-defined]
    return error


# Paths whose drive or share is not there


@pytest.mark.parametrize(
    "path", [r"D:\missing\a\b", r"\\server\missing\a", r"\\server\missing", "D:\\", r"\\?\C:\missing", r"\\?\UNC\s\h\a"]
)
def test_looking_for_a_folder_that_exists_ends(path: str) -> None:
    assert paths.first_existing(PureWindowsPath(path), lambda place: False) is None


def test_the_nearest_folder_is_found() -> None:
    there = {"C:\\", "C:\\Users"}
    assert paths.first_existing(PureWindowsPath(r"C:\Users\x\y"), there.__contains__) == r"C:\Users"


@pytest.mark.parametrize(
    ("pattern", "base"),
    [
        (r"\\?\C:\missing.csv", r"\\?\C:\missing.csv"),
        (r"\\?\C:\data\*.csv", r"\\?\C:\data"),
        (r"\\server\share\*.csv", "\\\\server\\share\\"),
        (r"C:\*\a.csv", "C:\\"),
        (r"data\[ab]*\x.csv", "data"),
        ("*.csv", ""),
    ],
)
def test_the_folder_before_a_pattern(pattern: str, base: str) -> None:
    assert paths.glob_base(pattern, ntpath) == base
    assert paths.is_local_pattern(pattern, ntpath) == (pattern != base)


def test_the_folder_before_a_pattern_here() -> None:
    assert paths.glob_base("/*/b", posixpath) == "/"
    assert paths.glob_base("a/b*/c?", posixpath) == "a"


async def test_a_drive_that_is_not_there_is_a_clear_error(
    remote: RemoteFiles, user: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (user / "a.txt").write_text("a")
    plan = await plan_download(remote, ["a.txt"], str(here / "new" / "a.txt"))
    monkeypatch.setattr(os.path, "exists", lambda place: False)
    with pytest.raises(TransferError, match="is not there") as caught:
        await download(remote, plan, Silent())
    assert "Connect the drive" in caught.value.hint
    assert tree(here) == {}


# A file system that does not answer


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[int]]:
    """Each look at the disk takes a while; the threads that looked."""
    threads: set[int] = set()

    def slowed(real: Any) -> Any:
        def look(*arguments: Any, **options: Any) -> Any:
            threads.add(threading.get_ident())
            time.sleep(0.02)
            return real(*arguments, **options)

        return look

    for name in ("stat", "lstat", "listdir", "scandir", "mkdir", "rmdir", "unlink", "replace", "open"):
        monkeypatch.setattr(os, name, slowed(getattr(os, name)))
    for name in ("exists", "lexists", "isdir", "isfile"):
        monkeypatch.setattr(os.path, name, slowed(getattr(os.path, name)))
    yield threads
    monkeypatch.undo()


async def test_nothing_looks_at_the_disk_on_the_event_loop(
    remote: RemoteFiles, user: Path, here: Path, slow_disk: set[int]
) -> None:
    def prepared() -> None:
        (here / "a.txt").write_text("a")
        (here / "b.txt").write_text("b")

    await asyncio.to_thread(prepared)
    await remote.stat("/user")  # the connection is made, the certificates are read
    slow_disk.clear()
    plan = await asyncio.to_thread(plan_upload, ["a.txt", "b.txt"])
    await upload(remote, plan, Silent())
    words, to = await split_words(remote, ["a.txt", "b.txt", "./back"], None, "/user", recursive=False)
    back = await plan_download(remote, words, to)
    await download(remote, back, Silent())
    (one,) = (await plan_download(remote, ["a.txt"], "one.txt")).files
    await download(remote, await plan_download(remote, ["a.txt"], "one.txt"), Silent())
    assert slow_disk
    assert threading.get_ident() not in slow_disk
    assert one.local.name == "one.txt"


# Read-only files, and files that a program has open


@pytest.fixture
def windows_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither replaced nor removed is what is marked as read-only."""
    real_replace, real_unlink = os.replace, os.unlink

    def read_only(path: Any) -> bool:
        return Path(path).exists() and not Path(path).stat().st_mode & stat.S_IWRITE

    def replace(source: Any, target: Any) -> None:
        if read_only(target):
            raise refusal(replacing.ACCESS_DENIED)
        real_replace(source, target)

    def unlink(path: Any) -> None:
        if read_only(path):
            raise refusal(replacing.ACCESS_DENIED)
        real_unlink(path)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(os, "rename", replace)
    monkeypatch.setattr(os, "unlink", unlink)


@pytest.mark.usefixtures("windows_rules")
async def test_force_replaces_a_read_only_file_and_leaves_nothing(remote: RemoteFiles, user: Path, here: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (user / name).write_text(f"new {name}")
        (here / name).write_text("old")
        (here / name).chmod(0o444)
    await download(remote, await plan_download(remote, ["a.txt"]), Silent(), force=True)
    await download(remote, await plan_download(remote, ["*.txt"]), Silent(), force=True)
    assert tree(here) == {"a.txt": b"new a.txt", "b.txt": b"new b.txt"}
    assert not (here / "a.txt").stat().st_mode & stat.S_IWRITE
    assert left_behind(here) == []


async def test_a_file_that_stays_open_elsewhere_is_a_clear_error_and_leaves_nothing(
    remote: RemoteFiles, user: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (user / "a.txt").write_text("new")
    (here / "a.txt").write_text("old")

    def refuse(*_: Any) -> None:
        raise refusal(replacing.SHARING_VIOLATION)

    monkeypatch.setattr(replacing, "PATIENCE_S", 0.1)
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(TransferError) as caught:
        await download(remote, await plan_download(remote, ["a.txt"]), Silent(), force=True)
    assert caught.value.hint.startswith("Close the program that uses the file.")
    assert tree(here) == {"a.txt": b"old"}


@pytest.mark.parametrize(("winerror", "advised"), [(32, True), (33, True), (5, False), (None, False)])
def test_only_a_file_in_use_is_said_to_be_in_use(winerror: int | None, advised: bool) -> None:
    error = refusal(winerror) if winerror else PermissionError(13, "Permission denied")
    assert ("Close the program" in local_error(error, Path("a"), "Writing").hint) == advised


class Refusing:
    """Refuses the first calls, as while another process reads the file."""

    def __init__(self, real: Any, times: int) -> None:
        self._real, self.left = real, times

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if self.left:
            self.left -= 1
            raise refusal(replacing.ACCESS_DENIED)
        return self._real(*arguments, **options)


def test_tokens_that_another_process_reads_just_now_are_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = FileVault(tmp_path / "own" / "tokens.json")
    vault.write("a", "1")
    refusing = Refusing(os.replace, 5)
    monkeypatch.setattr(os, "replace", refusing)
    vault.write("a", "2")
    assert (vault.read("a"), refusing.left) == ("2", 0)
    assert sorted(path.name for path in vault.path.parent.iterdir() if path.suffix != ".lock") == ["tokens.json"]


def test_a_file_that_is_being_replaced_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = FileVault(tmp_path / "own" / "tokens.json")
    vault.write("a", "1")
    journal = Journal("n", tmp_path / "state")
    journal.note(Entry("id", "s", "n", "job"))
    refusing = Refusing(os.open, 3)
    monkeypatch.setattr(os, "open", refusing)
    assert vault.read("a") == "1"
    refusing.left = 3
    assert list(journal.read().entries) == ["id"]


def test_a_refusal_that_lasts_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("a")
    monkeypatch.setattr(os, "replace", Refusing(os.replace, 10**9))
    with pytest.raises(PermissionError):
        replacing.replace(tmp_path / "a", tmp_path / "b", patience_s=0.1)


def test_a_refusal_of_posix_is_final(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def refuse(*_: Any) -> None:
        calls.append(1)
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError):
        replacing.replace(tmp_path / "a", tmp_path / "b")
    assert len(calls) == 1


async def test_a_part_that_can_not_be_removed_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = PartFile(here / "a")
    part.put(b"1")

    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(TransferError, match="Removing"):
        await part.discard()


# Links, and letters


def test_a_junction_is_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "junction"
    folder.mkdir()
    assert not is_folder_link(folder)
    mount_point = 0xA0000003
    monkeypatch.setattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", mount_point, raising=False)

    class Status:
        st_mode = stat.S_IFDIR | 0o755
        st_reparse_tag = mount_point

    monkeypatch.setattr(Path, "lstat", lambda self: Status())
    assert is_folder_link(folder)


def test_junctions_are_not_followed(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "top" / "plain").mkdir(parents=True)
    (here / "top" / "junction").mkdir()
    for folder in ("plain", "junction"):
        (here / "top" / folder / "a.txt").write_text("a")
    monkeypatch.setattr(local, "is_folder_link", lambda path: path.name == "junction")
    plan = plan_upload(["top"], recursive=True)
    assert [file.target for file in plan.files] == ["/user/top/plain/a.txt"]
    assert "is a link to a folder" in plan.skipped[0]
    plan = plan_upload(["top/**/*.txt"])
    assert [file.target for file in plan.files] == ["/user/plain/a.txt"]


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a right on Windows")
def test_a_circle_of_links_is_not_followed(here: Path) -> None:
    (here / "top" / "a").mkdir(parents=True)
    (here / "top" / "a" / "x.txt").write_text("x")
    (here / "top" / "a" / "round").symlink_to(here / "top")
    assert [file.target for file in plan_upload(["top/**/*.txt"]).files] == ["/user/a/x.txt"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("a.txt", "A.TXT", True), ("ИВ", "ив", True), ("straße", "STRASSE", False), ("ﬁn", "fin", False)],
)
def test_windows_compares_letter_by_letter(one: str, other: str, same: bool) -> None:
    assert (paths.clashes([one, other], fold=paths.upper_case) == [other]) == same


def test_a_name_typed_in_another_case_is_completed_where_case_does_not_matter(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "Иван").mkdir()
    (here / "Ирина.csv").write_text("")
    assert pathwords.local_completions("ИВ") == ([] if pathwords.FOLD is None else ["Иван/"])
    monkeypatch.setattr(pathwords, "FOLD", paths.upper_case)
    assert pathwords.local_completions("ИВ") == ["Иван/"]
    assert pathwords.local_completions("и") == ["Иван/", "Ирина.csv"]


def test_what_is_no_file_here_is_said_of_a_long_path(here: Path) -> None:
    with pytest.raises(UsageError, match="no file or folder"):
        plan_upload(["missing/deeper.csv"])
