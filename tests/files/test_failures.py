"""Transfers that fail, are cut off or interrupted: nothing half-written stays, on either side."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path, PurePosixPath

import pytest

from engee_kernel.emulator.process import LocalEngee
from engee_kernel.facts.errors import EngeeError, ForbiddenPathError, ReplyLostError, TransferError
from engee_kernel.files.download import download
from engee_kernel.files.local import plan_upload
from engee_kernel.files.paths import STAGING_NAME, STAGING_ROOT
from engee_kernel.files.remote import RemoteFiles
from engee_kernel.files.selection import DownloadPlan, Incoming, plan_download
from engee_kernel.files.transfer import ChecksumError, Silent
from engee_kernel.files.upload import upload

from .conftest import Notebook, left_behind, link, tree

BIG = 30_000_000
ESCAPED = Path("/tmp/escaped.txt")  # noqa: S108 - where the hostile ZIP wants to go


def is_upload(call: dict[str, object]) -> bool:
    return str(call["path"]).endswith("file/upload")


@pytest.fixture
def big(here: Path) -> Path:
    path = here / "big.bin"
    path.write_bytes(os.urandom(1000) * (BIG // 1000))
    return path


async def test_a_dropped_upload_is_sent_again(
    remote: RemoteFiles, local_engee: LocalEngee, user: Path, big: Path
) -> None:
    local_engee.faults({"kind": "cut_upload", "path": "file/upload", "at_bytes": 5_000_000, "count": 1})
    progress = Silent()
    moved = await upload(remote, plan_upload(["big.bin"]), progress)
    assert moved[0].compared
    assert tree(user) == tree(big.parent)
    assert "Trying again" in progress.notices[0]
    assert left_behind(user) == []


async def test_an_upload_whose_reply_is_lost_is_sent_again(
    remote: RemoteFiles, local_engee: LocalEngee, user: Path, big: Path
) -> None:
    local_engee.faults({"kind": "drop_after", "path": "file/upload", "count": 1})
    await upload(remote, plan_upload(["big.bin"]), Silent())
    assert tree(user) == tree(big.parent)


async def test_an_upload_that_keeps_failing_leaves_the_old_file(
    remote: RemoteFiles, local_engee: LocalEngee, user: Path, big: Path
) -> None:
    (user / "big.bin").write_bytes(b"old")
    local_engee.faults({"kind": "cut_upload", "path": "file/upload"})
    with pytest.raises(ReplyLostError):
        await upload(remote, plan_upload(["big.bin"]), Silent())
    assert tree(user) == {"big.bin": b"old"}
    assert sum(map(is_upload, local_engee.requests())) == 3


@pytest.mark.parametrize("status", [403, 413])
async def test_a_refused_upload_is_not_repeated(
    remote: RemoteFiles, local_engee: LocalEngee, user: Path, big: Path, status: int
) -> None:
    local_engee.faults({"kind": "status", "path": "file/upload", "status": status})
    with pytest.raises(EngeeError):
        await upload(remote, plan_upload(["big.bin"]), Silent())
    assert tree(user) == {}
    assert sum(map(is_upload, local_engee.requests())) == 1


async def test_retry_after_is_obeyed(remote: RemoteFiles, local_engee: LocalEngee, user: Path, big: Path) -> None:
    local_engee.faults({"kind": "status", "path": "file/upload", "status": 429, "retry_after_s": 2, "count": 1})
    progress = Silent()
    await upload(remote, plan_upload(["big.bin"]), progress)
    assert "2.0 s" in progress.notices[0]
    assert tree(user) == tree(big.parent)


async def test_an_interrupted_upload_leaves_nothing(
    remote: RemoteFiles, local_engee: LocalEngee, user: Path, big: Path
) -> None:
    (user / "big.bin").write_bytes(b"old")
    local_engee.faults({"kind": "latency", "path": "file/upload", "delay_s": 30.0})
    work = asyncio.create_task(upload(remote, plan_upload(["big.bin"]), Silent()))
    await until(lambda: any(map(is_upload, local_engee.requests())))
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert tree(user) == {"big.bin": b"old"}


async def test_an_upload_interrupted_while_checksums_are_made_leaves_nothing(
    remote: RemoteFiles, local_engee: LocalEngee, user: Path, big: Path
) -> None:
    local_engee.faults({"kind": "latency", "path": "command/eval", "contains": ":sha256,", "delay_s": 30.0})
    work = asyncio.create_task(upload(remote, plan_upload(["big.bin"]), Silent()))
    await until(lambda: bool(left_behind(user)))
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert tree(user) == {}


async def test_a_second_interrupt_does_not_stop_the_cleaning(
    remote: RemoteFiles, local_engee: LocalEngee, user: Path, big: Path
) -> None:
    local_engee.faults(
        {"kind": "latency", "path": "command/eval", "contains": ":sha256,", "delay_s": 30.0},
        {"kind": "latency", "path": "command/eval", "contains": ":remove_staging,", "delay_s": 0.5},
    )
    work = asyncio.create_task(upload(remote, plan_upload(["big.bin"]), Silent()))
    await until(lambda: bool(left_behind(user)))
    work.cancel()
    await asyncio.sleep(0.1)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert tree(user) == {}


async def test_a_checksum_that_differs_replaces_nothing(
    remote: RemoteFiles, local_engee: LocalEngee, user: Path, here: Path
) -> None:
    """Julia code in Engee spoils whatever is staged, as a broken disk would."""
    (here / "a.txt").write_bytes(b"new")
    (user / "a.txt").write_bytes(b"old")
    local_engee.faults({"kind": "latency", "path": "command/eval", "contains": ":sha256,", "delay_s": 2.0})
    spoil = (
        f'@async for _ in 1:2000; try for (d, _, fs) in walkdir("{STAGING_ROOT}"), f in fs; '
        'open(io -> write(io, "bad"), joinpath(d, f), "r+"); end; catch; end; sleep(0.01); end; nothing'
    )
    await remote.client.eval(spoil)
    progress = Silent()
    try:
        with pytest.raises(ChecksumError, match="SHA-256"):
            await upload(remote, plan_upload(["a.txt"]), progress)
        assert len(progress.notices) == 2
        assert tree(user) == {"a.txt": b"old"}
    finally:
        local_engee.reset(new_session=True)


async def test_what_a_killed_kernel_left_is_removed_a_day_later(remote: RemoteFiles, user: Path, here: Path) -> None:
    (here / "a.txt").write_bytes(b"1")
    root = user / PurePosixPath(STAGING_ROOT).name
    for name, age_s in ((f"{STAGING_NAME}old", 90_000), (f"{STAGING_NAME}young", 60)):
        (root / name).mkdir(parents=True)
        (root / name / "0").write_bytes(b"part")
        os.utime(root / name, times=(root.stat().st_mtime - age_s,) * 2)
    await upload(remote, plan_upload(["a.txt"]), Silent())
    assert [path.name for path in root.iterdir()] == [f"{STAGING_NAME}young"]


@pytest.mark.parametrize("count", [1, 3])
async def test_a_dropped_download_is_asked_for_again(
    remote: RemoteFiles, local_engee: LocalEngee, user: Path, here: Path, count: int
) -> None:
    for number in range(count):
        (user / f"f{number}.bin").write_bytes(os.urandom(2_000_000))
    plan = await plan_download(remote, ["*.bin"])
    local_engee.faults({"kind": "drop_body", "path": "file/download", "at_bytes": 1_000_000, "count": 1})
    progress = Silent()
    await download(remote, plan, progress)
    assert tree(here) == tree(user)
    assert "Trying again" in progress.notices[0]


@pytest.mark.parametrize("count", [1, 3])
async def test_a_download_that_keeps_failing_leaves_nothing(
    remote: RemoteFiles, local_engee: LocalEngee, user: Path, here: Path, count: int
) -> None:
    for number in range(count):
        (user / f"f{number}.bin").write_bytes(os.urandom(2_000_000))
    (here / "out").mkdir()
    (here / "out" / "f0.bin").write_bytes(b"mine")
    plan = await plan_download(remote, ["*.bin"], "out")
    local_engee.faults({"kind": "drop_body", "path": "file/download", "at_bytes": 1_000_000})
    with pytest.raises(ReplyLostError):
        await download(remote, plan, Silent(), force=True)
    assert tree(here) == {"out": None, "out/f0.bin": b"mine"}


async def test_an_interrupted_download_leaves_nothing_not_even_its_folder(
    remote: RemoteFiles, local_engee: LocalEngee, user: Path, here: Path
) -> None:
    (user / "big.bin").write_bytes(bytes(BIG))
    plan = await plan_download(remote, ["big.bin"], "new/folder/")
    local_engee.faults({"kind": "latency", "path": "command/eval", "contains": ":sha256,", "delay_s": 30.0})
    work = asyncio.create_task(download(remote, plan, Silent()))
    await until(lambda: any(path.stat().st_size for path in here.rglob("*.part")))
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert tree(here) == {}


async def test_a_download_that_leads_out_of_user_is_refused_and_leaves_nothing(
    remote: RemoteFiles, user: Path, here: Path
) -> None:
    link(user / "passwd", "/etc/passwd")
    with pytest.raises(ForbiddenPathError, match="link out of /user"):
        await plan_download(remote, ["passwd"], "new/")
    plan = DownloadPlan([Incoming("/user/passwd", here / "new" / "passwd", 5)])
    with pytest.raises(ForbiddenPathError):  # by Engee itself
        await download(remote, plan, Silent())
    assert tree(here) == {}


async def test_an_upload_that_leads_out_of_user_is_refused_and_leaves_nothing(
    remote: RemoteFiles, user: Path, here: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    link(user / "out", tmp_path / "outside", is_folder=True)
    (here / "a.txt").write_bytes(b"1")
    with pytest.raises(ForbiddenPathError):
        await upload(remote, plan_upload(["a.txt"], "/user/out"), Silent(), keep=True)
    assert tree(tmp_path / "outside") == {}
    assert left_behind(user) == []


async def test_a_hostile_zip_writes_nothing_anywhere(
    remote: RemoteFiles, local_engee: LocalEngee, user: Path, here: Path
) -> None:
    for name in ("a.txt", "b.txt"):
        (user / name).write_bytes(b"1")
    before = tree(here.parent)
    plan = await plan_download(remote, ["*.txt"], "new/")
    local_engee.faults({"kind": "hostile_zip", "path": "file/download"})
    with pytest.raises(TransferError, match="leads out of its folder"):
        await download(remote, plan, Silent())
    assert tree(here.parent) == before
    assert not has_escaped()


async def test_a_file_that_changes_meanwhile_is_fetched_as_it_is_now(
    remote: RemoteFiles, user: Path, here: Path
) -> None:
    for name in ("a.txt", "b.txt"):
        (user / name).write_bytes(b"listed")
    plan = await plan_download(remote, ["*.txt"])
    (user / "a.txt").write_bytes(b"longer than listed")
    progress = Silent()
    await download(remote, plan, progress)
    assert tree(here) == tree(user)
    assert "one by one" in progress.notices[-1]


async def test_a_disk_that_is_too_small_is_noticed_before_anything_is_sent(
    remote: RemoteFiles, local_engee: LocalEngee, user: Path, here: Path
) -> None:
    with (user / "huge.bin").open("wb") as file:
        try:
            file.truncate(1 << 43)  # 8 TiB of holes
        except OSError:
            pytest.skip("this file system has no files with holes")
    plan = await plan_download(remote, ["huge.bin"])
    with pytest.raises(TransferError, match=r"has .* left"):
        await download(remote, plan, Silent())
    assert not any("file/download" in call["path"] for call in local_engee.requests())


async def test_a_full_disk_leaves_nothing(remote: RemoteFiles, user: Path, here: Path) -> None:
    """A limit on the size of files stands for the disk: writing fails in the middle."""
    resource = pytest.importorskip("resource")

    (user / "big.bin").write_bytes(bytes(4_000_000))
    plan = await plan_download(remote, ["big.bin"], "new/")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
    try:
        with pytest.raises(TransferError, match="Writing"):
            await download(remote, plan, Silent())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert tree(here) == {}


async def test_a_magic_says_how_much_is_complete(
    notebook: Notebook, local_engee: LocalEngee, user: Path, here: Path
) -> None:
    for number in range(60):  # two batches
        (here / f"{number:02}.txt").write_text(str(number), encoding="utf-8")
    local_engee.faults({"kind": "status", "path": "file/upload", "status": 403, "skip": 1})
    with pytest.raises(EngeeError) as caught:
        await notebook.run("%upload *.txt")
    assert "50 of 60 files are complete" in caught.value.hint
    assert len(tree(user)) == 50


def has_escaped() -> bool:
    return ESCAPED.exists()


async def until(condition: object) -> None:
    deadline = time.monotonic() + 20
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.02)


def test_left_behind_can_see(tmp_path: Path) -> None:
    """The check that most tests here lean on is able to fail."""
    (tmp_path / ".engee-kernel-0.part").touch()
    assert left_behind(tmp_path)
    with contextlib.suppress(FileNotFoundError):
        (tmp_path / ".engee-kernel-0.part").unlink()
    assert not left_behind(tmp_path)
