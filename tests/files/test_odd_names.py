"""Names that are long, or that one side can't say; links that lead out of /user; files whose size is not theirs."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engee_kernel.emulator.process import LocalEngee
from engee_kernel.facts.errors import EngeeError, ForbiddenPathError, TransferError, UsageError
from engee_kernel.files import source
from engee_kernel.files.download import download
from engee_kernel.files.local import plan_upload
from engee_kernel.files.remote import RemoteFiles
from engee_kernel.files.selection import plan_download, select
from engee_kernel.files.source import LocalSource, measured, size_is_true
from engee_kernel.files.transfer import Silent
from engee_kernel.files.upload import upload

from .conftest import Notebook, left_behind, tree

LONGEST = "д" * 125 + ".csv"  # 254 bytes, of 255
VERSION = Path("/proc/version")  # a size of 0, and a line of text
SYSTEM = Path("/sys/kernel/mm/transparent_hugepage/enabled")  # a size of 4096, and less
bytes_names = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode here")
posix_links = pytest.mark.skipif(sys.platform != "linux", reason="/user is a mount on Linux only")


@pytest.fixture(params=["agent", "plain"])
def either(request: pytest.FixtureRequest, remote: RemoteFiles) -> RemoteFiles:
    return remote if request.param == "agent" else RemoteFiles(remote.client, None)


# Long names


async def test_a_name_may_be_as_long_as_any(either: RemoteFiles, user: Path, here: Path) -> None:
    (here / LONGEST).write_text("1")
    (here / "short.csv").write_text("2")
    await upload(either, plan_upload([LONGEST, "short.csv"], "into"), Silent())
    assert tree(user) == {"into": None, f"into/{LONGEST}": b"1", "into/short.csv": b"2"}
    (here / LONGEST).write_text("new")
    await upload(either, plan_upload([LONGEST], "into"), Silent())
    assert (user / "into" / LONGEST).read_text() == "new"
    plan = await plan_download(either, [f"into/{LONGEST}"], "back/")
    await download(either, plan, Silent())
    assert tree(here / "back") == {LONGEST: b"new"}
    assert left_behind(user) == []


# Counting what is in place


async def test_a_failure_in_the_middle_of_an_upload_counts_what_is_in_place(
    either: RemoteFiles, user: Path, here: Path
) -> None:
    for name in "abcdef":
        (here / f"{name}.txt").write_text(name)
    plan = plan_upload(["*.txt"], "into")
    (user / "into").mkdir()
    work = asyncio.create_task(upload(either, plan, Silent()))
    await until((user / ".engee_kernel").exists)
    (user / "into" / "d.txt").mkdir()  # after the look ahead: the commit meets it in the middle
    with pytest.raises(EngeeError) as caught:
        await work
    assert "3 of 6 files are complete; the others were left as they were" in caught.value.hint
    assert tree(user) == {
        "into": None,
        "into/a.txt": b"a",
        "into/b.txt": b"b",
        "into/c.txt": b"c",
        "into/d.txt": None,
    }


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 - another process makes it so
        await asyncio.sleep(0.001)


async def test_a_failure_in_the_middle_of_a_download_counts_what_is_in_place(
    remote: RemoteFiles, user: Path, here: Path
) -> None:
    for name in "abcd":
        (user / f"{name}.txt").write_text(name)
    plan = await plan_download(remote, ["*.txt"])
    real = Path.replace

    def refused(self: Path, target: Path) -> Path:
        if Path(target).name == "c.txt":
            raise PermissionError(13, "Permission denied")
        return real(self, target)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(TransferError) as caught:
        patch.setattr(Path, "replace", refused)
        await download(remote, plan, Silent(), force=True)
    assert "2 of 4 files are complete; the others were left as they were" in caught.value.hint
    assert sorted(tree(here)) == ["a.txt", "b.txt"]


async def test_what_was_removed_before_a_failure_is_told(notebook: Notebook, user: Path) -> None:
    (user / "a.txt").write_text("a")
    (user / "locked").mkdir()
    (user / "locked" / "b.txt").write_text("b")
    notebook_files = "/user/a.txt /user/locked"
    with pytest.raises(EngeeError) as caught, Unremovable(user / "locked" / "b.txt"):
        await notebook.run(f"%rm -r {notebook_files}")
    assert "Removed before that: “/user/a.txt”" in caught.value.hint


class Unremovable:
    """A file that not even root removes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        if os.system(f"chattr +i '{self._path}' 2>/dev/null") != 0:  # noqa: S605
            pytest.skip("this file system has no file that can't be removed")

    def __exit__(self, *_: object) -> None:
        os.system(f"chattr -i '{self._path}'")  # noqa: S605


# Sizes that are not the file's


@pytest.mark.skipif(not VERSION.exists(), reason="there is no /proc here")
async def test_a_file_whose_size_is_given_as_zero_arrives_whole(either: RemoteFiles, user: Path, here: Path) -> None:
    (here / "plain.txt").write_text("plain")
    moved = await upload(either, plan_upload(["/proc/version", "plain.txt"]), Silent())
    text = await asyncio.to_thread(VERSION.read_bytes)
    assert tree(user) == {"version": text, "plain.txt": b"plain"}
    assert [file.size_bytes for file in moved] == [len(text), 5]


@pytest.mark.skipif(not SYSTEM.exists(), reason="there is no /sys here")
async def test_a_file_whose_size_is_given_as_too_large_arrives_whole(remote: RemoteFiles, user: Path) -> None:
    await upload(remote, plan_upload([str(SYSTEM)]), Silent())
    assert tree(user) == {SYSTEM.name: await asyncio.to_thread(SYSTEM.read_bytes)}


@pytest.mark.parametrize(("said", "is_true"), [(0, False), (3, False), (5, True), (9, False)])
def test_a_size_is_held_against_the_file(
    tmp_path: Path, said: int, is_true: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "five"
    path.write_bytes(b"12345")
    real = os.fstat

    class Said:
        st_size = said

    monkeypatch.setattr(source.os, "fstat", lambda number: Said() if said != 5 else real(number))
    assert size_is_true(path, said) == is_true
    assert measured(path) == 5


def test_a_file_that_grows_is_sent_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"12345")
    assert size_is_true(path, 3)  # as it was a moment ago
    sent = LocalSource(path, 3)
    sent.prepare()
    assert sent.read(3) == b"123"


def test_a_file_without_an_end_is_a_clear_error() -> None:
    with pytest.raises(TransferError, match="does not end where its file system says"):
        measured(Path(os.devnull if sys.platform == "win32" else "/dev/zero"), limit_bytes=1000)


# Links


@pytest.fixture
def linked(user: Path, tmp_path: Path) -> Path:
    """A folder outside of /user with a file, and links in /user to it, to the file, and to a folder inside."""
    (user / "inside").mkdir()
    (user / "inside" / "b.txt").write_text("b")
    (user / "within").symlink_to("inside")
    (user / "out").symlink_to("/etc")
    (user / "passwd").symlink_to("/etc/passwd")
    return user


@posix_links
@pytest.mark.parametrize(
    "line",
    [
        "%ls out",
        "%ls out/passwd",
        "%ls out/*",
        "%cd out",
        "%cat out/passwd",
        "%cat passwd",
        "%cat --encoding cp1251 passwd",
        "%find * out",
        "%mkdir out/new",
        "%rm out/passwd",
        "%cp out/passwd copy",
        "%cp passwd copy",
        "%cp inside/b.txt out/",
        "%mv inside/b.txt out",
        "%upload a.txt out/",
        "%upload a.txt out/deeper/still/",
        "%download out/passwd",
        "%download passwd",
    ],
)
async def test_nothing_follows_a_link_out_of_user(notebook: Notebook, linked: Path, here: Path, line: str) -> None:
    (here / "a.txt").write_text("a")
    before = tree(linked / "inside")
    with pytest.raises(EngeeError, match=r"out of /user|link out|through one"):
        await notebook.run(line)
    assert tree(linked / "inside") == before
    assert not (linked / "copy").exists()
    assert left_behind(linked) == []


@posix_links
@pytest.mark.parametrize("line", ["%mkdir out/new", "%upload a.txt out/", "%cd out"])
async def test_nor_in_plain_mode(notebook: Notebook, linked: Path, here: Path, line: str) -> None:
    (here / "a.txt").write_text("a")
    notebook.session.options = replace(notebook.session.options, mode="plain")
    with pytest.raises(EngeeError, match="leads out of /user"):
        await notebook.run(line)
    assert left_behind(linked) == []


@posix_links
async def test_the_link_itself_is_seen_and_removed(notebook: Notebook, linked: Path) -> None:
    shown = (await notebook.run("%ls")).text
    assert "out (link out of /user)" in shown
    assert "within/ (link)" in shown
    await notebook.run("%rm out passwd")
    assert sorted(tree(linked)) == ["inside", "inside/b.txt", "within"]


@posix_links
async def test_links_that_stay_inside_work(notebook: Notebook, linked: Path, here: Path) -> None:
    (here / "a.txt").write_text("a")
    await notebook.run("%upload a.txt within/")
    await notebook.run("%mkdir within/new")
    assert "b.txt" in (await notebook.run("%ls within")).text
    assert "b" in (await notebook.run("%cat within/b.txt")).text
    await notebook.run("%cp within/a.txt within/c.txt")
    await notebook.run("%rm within/b.txt")
    assert tree(linked / "inside") == {"a.txt": b"a", "c.txt": b"a", "new": None}


@posix_links
async def test_an_upload_replaces_a_link_and_not_what_it_points_to(notebook: Notebook, user: Path, here: Path) -> None:
    outside = here / "outside.txt"
    outside.write_text("outside")
    (user / "a.txt").symlink_to(outside)
    (here / "a.txt").write_text("a")
    await notebook.run("%upload a.txt")
    assert (user / "a.txt").read_text() == "a"
    assert not (user / "a.txt").is_symlink()
    assert outside.read_text() == "outside"


# Names that are no Unicode, and such that this system can't have


@bytes_names
async def test_one_remote_name_that_is_not_utf8_keeps_no_other_from_coming(
    notebook: Notebook, user: Path, here: Path
) -> None:
    (user / "inv" / "sub").mkdir(parents=True)
    (user / "inv" / "good.txt").write_text("good")
    (user / "inv" / "sub" / "also.txt").write_text("also")
    (user / "inv" / os.fsdecode(b"caf\xe9 $1.txt")).write_text("bad")
    (user / "inv" / os.fsdecode(b"d\xe9") / "deep").mkdir(parents=True)
    screen = await notebook.run("%download -r inv")
    assert tree(here) == {"inv": None, "inv/good.txt": b"good", "inv/sub": None, "inv/sub/also.txt": b"also"}
    skipped = [notice for notice in screen.notices if "not UTF-8" in notice]
    assert len(skipped) == 2
    rename = r'mv("/user/inv/caf\xe9 \$1.txt", "/user/inv/caf_ $1.txt")'.replace("caf_ $1", r"caf_ \$1")
    assert rename in skipped[0]
    assert r"caf\xe9" in (await notebook.run("%ls inv")).text
    with pytest.raises(UsageError, match="not UTF-8"):
        await notebook.run("%rm inv/c*")
    await notebook.session.client.eval(f"({rename}; nothing)")
    assert (user / "inv" / "caf_ $1.txt").read_text() == "bad"


@bytes_names
def test_one_local_name_that_is_no_unicode_keeps_no_other_from_going(here: Path) -> None:
    (here / "inv").mkdir()
    (here / "inv" / "good.txt").write_text("good")
    (here / "inv" / os.fsdecode(b"caf\xe9.txt")).write_text("bad")
    plan = plan_upload(["inv"], recursive=True)
    assert [file.target for file in plan.files] == ["/user/inv/good.txt"]
    assert r"caf\xe9.txt" in plan.skipped[0]
    "\n".join(plan.skipped).encode()  # can be printed
    with pytest.raises(UsageError, match="not proper Unicode"):
        plan_upload([os.fsdecode(b"inv/caf\xe9.txt")])


async def test_names_that_windows_has_not_keep_no_other_from_coming(
    remote: RemoteFiles, user: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform == "win32":
        pytest.skip("such a name can't be made here")
    (user / "inv").mkdir()
    for name in ("good.txt", "10:30.txt", "con"):
        (user / "inv" / name).write_text(name)
    monkeypatch.setattr("engee_kernel.files.selection.WINDOWS", True)
    plan = await plan_download(remote, ["inv"], recursive=True)
    assert [file.remote for file in plan.files] == ["/user/inv/good.txt"]
    assert len(plan.skipped) == 2
    assert all("Rename it in Engee first: %mv" in line for line in plan.skipped)
    with pytest.raises(ForbiddenPathError):
        await plan_download(remote, ["inv/con"])


async def test_a_pattern_finds_names_that_are_not_utf8(remote: RemoteFiles, user: Path) -> None:
    if sys.platform in ("win32", "darwin"):
        pytest.skip("names are Unicode here")
    (user / "inv").mkdir()
    (user / "inv" / os.fsdecode(b"\xff\xfe.txt")).write_text("bad")
    (hit,) = await select(remote, "/user/inv/**/*.txt")
    assert hit.entry.escaped == r"/user/inv/\xff\xfe.txt"


async def test_the_engee_is_well_afterwards(local_engee: LocalEngee, remote: RemoteFiles) -> None:
    assert await remote.stat("/user") is not None
