"""Rounds on a real local Engee: what is sent, removed and kept."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from files.conftest import left_behind, tree

from engee_kernel.emulator.process import LocalEngee
from engee_kernel.facts.errors import EngeeError, UsageError
from engee_kernel.files.remote import RemoteFiles
from engee_kernel.sync.report import lines

from .conftest import TARGET, Pair


def write(folder: Path, name: str, text: str = "") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((text or name).encode())


def sent(outcome: object) -> set[str]:
    return {moved.remote.removeprefix(f"{TARGET}/") for moved in outcome.sent}  # type: ignore[attr-defined]


def refused(outcome: object) -> dict[str, str]:
    return {one.path.removeprefix(f"{TARGET}/"): one.why for one in outcome.refused}  # type: ignore[attr-defined]


def age(folder: Path) -> None:
    """What was just written is read again in any case: this is older."""
    for path in folder.rglob("*"):
        os.utime(path, (time.time() - 100, time.time() - 100))


async def test_only_what_differs_is_sent(pair: Pair, local_engee: LocalEngee) -> None:
    for name in ("a.jl", "src/модель 1.jl", "empty.txt", "$x 'y'.jl"):
        write(pair.here, name)
    assert sent(await pair.sync()) == {"a.jl", "src/модель 1.jl", "empty.txt", "$x 'y'.jl"}
    assert tree(pair.there) == tree(pair.here)
    age(pair.here)
    outcome = await pair.sync()
    assert outcome.is_empty
    assert lines(outcome) == ["All is as in Engee."]
    write(pair.here, "a.jl", "newer")
    age(pair.here)
    assert sent(await pair.sync()) == {"a.jl"}
    # another time, the same bytes; and the same length, other bytes
    os.utime(pair.here / "a.jl")
    write(pair.here, "empty.txt", "EMPTY.TXT")
    assert sent(await pair.sync()) == {"empty.txt"}
    assert tree(pair.there) == tree(pair.here)
    assert left_behind(pair.there.parent) == []


async def test_what_engee_has_already_is_not_sent(pair: Pair) -> None:
    write(pair.here, "a.jl", "x = 1")
    write(pair.there, "a.jl", "x = 1")
    assert (await pair.sync()).is_empty
    write(pair.here, "a.jl", "x = 2")
    assert sent(await pair.sync()) == {"a.jl"}


async def test_a_change_made_in_engee_stays_and_is_named(pair: Pair) -> None:
    for name in ("both.jl", "there.jl", "here.jl", "length.jl"):
        write(pair.here, name)
    write(pair.there, "foreign.jl", "theirs")
    write(pair.here, "foreign.jl", "ours")
    await pair.sync()
    for name in ("both.jl", "there.jl"):
        write(pair.there, name, "changed there")
    write(pair.there, "length.jl", "LENGTH.JL")
    for name in ("both.jl", "here.jl"):
        write(pair.here, name, "changed here")
    outcome = await pair.sync()
    assert sent(outcome) == {"here.jl"}
    assert refused(outcome) == {
        "both.jl": "changed in Engee since the last sync",
        "there.jl": "changed in Engee since the last sync",
        "length.jl": "changed in Engee since the last sync",
        "foreign.jl": "in Engee is another file, not sent from here",
    }
    assert any("both.jl: kept, changed in Engee" in line for line in lines(outcome))
    assert "--force" in lines(outcome)[-1]
    assert (pair.there / "both.jl").read_text() == "changed there"
    assert refused(await pair.sync()) == refused(outcome)
    forced = await pair.sync(force=True)
    assert sent(forced) == {"both.jl", "there.jl", "length.jl", "foreign.jl"}
    assert tree(pair.there) == tree(pair.here)
    assert (await pair.sync()).is_empty


async def test_taking_over_what_engee_has_ends_the_conflict(pair: Pair) -> None:
    write(pair.here, "a.jl")
    await pair.sync()
    write(pair.there, "a.jl", "changed there")
    assert refused(await pair.sync())
    write(pair.here, "a.jl", "changed there")
    assert (await pair.sync()).is_empty
    write(pair.here, "a.jl", "and on")
    assert sent(await pair.sync()) == {"a.jl"}


async def test_a_file_removed_in_engee_is_sent_again(pair: Pair) -> None:
    write(pair.here, "a.jl")
    await pair.sync()
    (pair.there / "a.jl").unlink()
    assert sent(await pair.sync()) == {"a.jl"}


async def test_delete_removes_what_was_sent_and_nothing_else(pair: Pair) -> None:
    for name in ("a.jl", "old/deep/b.jl", "old/c.jl", "changed.jl", "ignored.log"):
        write(pair.here, name)
    await pair.sync()
    write(pair.there, "old/result.csv", "made in Engee")
    write(pair.there, "changed.jl", "changed there")
    for name in ("old/deep/b.jl", "old/c.jl", "changed.jl"):
        (pair.here / name).unlink()
    (pair.here / "old" / "deep").rmdir()
    (pair.here / "old").rmdir()
    write(pair.here, ".gitignore", "*.log\n")
    outcome = await pair.sync()
    assert sorted(path.removeprefix(f"{TARGET}/") for path in outcome.left) == [
        "changed.jl",
        "old/c.jl",
        "old/deep/b.jl",
    ]
    assert "--delete" in lines(outcome)[-1]
    outcome = await pair.sync(delete=True)
    assert sorted(outcome.removed) == [f"{TARGET}/old/c.jl", f"{TARGET}/old/deep/b.jl"]
    assert refused(outcome) == {"changed.jl": "changed in Engee since the last sync; gone here"}
    assert set(tree(pair.there)) == {
        ".gitignore",
        "a.jl",
        "changed.jl",
        "ignored.log",
        "old",
        "old/result.csv",
    }
    outcome = await pair.sync(delete=True, force=True)
    assert outcome.removed == [f"{TARGET}/changed.jl"]
    assert (await pair.sync(delete=True)).is_empty


async def test_a_dry_run_says_and_does_nothing(pair: Pair) -> None:
    for name in ("a.jl", "b.jl", "c.jl"):
        write(pair.here, name)
    before = (await pair.sync(is_dry=True), tree(pair.there))
    assert before[1] == {}
    assert len(before[0].to_send) == 3
    assert not pair.manifest().path.exists()
    await pair.sync()
    write(pair.here, "a.jl", "newer")
    (pair.here / "b.jl").unlink()
    write(pair.there, "c.jl", "theirs")
    there = tree(pair.there)
    record = pair.manifest().path.read_bytes()
    outcome = await pair.sync(delete=True, is_dry=True)
    said = lines(outcome)
    assert any(line.endswith("/user/src/a.jl") for line in said)
    assert "/user/src/b.jl: to be removed" in said
    assert "/user/src/c.jl: kept, changed in Engee since the last sync" in said
    assert said[-1].endswith("Nothing was changed.")
    assert (tree(pair.there), pair.manifest().path.read_bytes()) == (there, record)


async def test_something_else_in_the_way_is_named_and_the_rest_is_sent(pair: Pair, user: Path) -> None:
    write(pair.here, "folder")
    write(pair.here, "file/deep/x.jl")
    write(pair.here, "a.jl")
    write(pair.there, "folder/inside", "")
    write(pair.there, "file", "theirs")
    for force in (False, True):
        outcome = await pair.sync(force=force)
        assert refused(outcome) == {
            "folder": "is a folder in Engee",
            "file/deep/x.jl": "/user/src/file is a file in Engee, a folder here",
        }
        assert "/user/src/folder: not sent, is a folder in Engee" in lines(outcome)
        assert "2 files can't be sent" in lines(outcome)[-1]
    assert (pair.there / "a.jl").exists()
    assert (pair.there / "file").read_text() == "theirs"


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file that can be opened and not read")
async def test_a_file_that_can_not_be_read_keeps_no_other_back(pair: Pair) -> None:
    write(pair.here, "a.jl", "1")
    write(pair.here, "b.jl", "1")
    await pair.sync()
    (pair.here / "a.jl").unlink()
    (pair.here / "a.jl").symlink_to("/proc/self/mem")
    write(pair.here, "b.jl", "2")
    outcome = await pair.sync(delete=True)
    assert sent(outcome) == {"b.jl"}
    assert "a.jl" in refused(outcome)
    assert "Reading" in refused(outcome)["a.jl"]
    assert tree(pair.there) == {"a.jl": b"1", "b.jl": b"2"}


async def test_the_target_may_be_a_file(pair: Pair, user: Path) -> None:
    write(user, "src", "theirs")
    write(pair.here, "a.jl")
    with pytest.raises(UsageError, match="/user/src is a file"):
        await pair.sync()


async def test_names_of_macos_are_the_same_files(pair: Pair) -> None:
    write(pair.here, "\u0438\u0306.jl", "1")
    await pair.sync()
    assert list(tree(pair.there)) == ["\u0439.jl"]
    (pair.here / "\u0438\u0306.jl").unlink()
    write(pair.here, "\u0439.jl", "2")
    assert sent(await pair.sync(delete=True)) == {"\u0439.jl"}
    assert tree(pair.there) == {"\u0439.jl": b"2"}


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
async def test_a_broken_upload_is_not_taken_for_a_change_in_engee(
    pair: Pair, local_engee: LocalEngee, remote: RemoteFiles, fault: str
) -> None:
    """The reply of the last step is lost for good: whether the files are in place is not known here."""
    write(pair.here, "a.jl", "1")
    await pair.sync()
    write(pair.here, "a.jl", "2")
    remote.client.retry_bound_s = 0.5
    local_engee.faults({"kind": fault, "path": "command/eval", "contains": ":commit_upload,"})
    with pytest.raises(EngeeError):
        await pair.sync()
    local_engee.faults()
    write(pair.here, "a.jl", "3")
    outcome = await pair.sync()
    assert refused(outcome) == {}
    assert (pair.there / "a.jl").read_text() == "3"
    assert left_behind(pair.there.parent) == []


async def test_a_record_that_is_lost_or_broken_overwrites_nothing(pair: Pair) -> None:
    write(pair.here, "a.jl", "1")
    write(pair.here, "b.jl", "1")
    await pair.sync()
    write(pair.here, "a.jl", "2")
    pair.manifest().path.write_text('{"version": 1, "files": {"a.jl": 7, "b.jl', encoding="utf-8")
    outcome = await pair.sync()
    assert list(refused(outcome)) == ["a.jl"]
    assert (pair.there / "a.jl").read_text() == "1"


async def test_two_at_once_are_refused(pair: Pair) -> None:
    write(pair.here, "a.jl")
    with pair.manifest().held(), pytest.raises(UsageError, match="another sync"):
        await pair.sync()
    assert sent(await pair.sync()) == {"a.jl"}


async def test_the_record_is_not_in_the_folder(remote: RemoteFiles, here: Path, user: Path) -> None:
    write(here, "a.jl")
    inside = Pair(remote, here, user / "src", here / "state")
    with pytest.raises(UsageError, match="state_dir"):
        await inside.sync()
    assert list(tree(here)) == ["a.jl"]


async def test_plain_mode_is_explained(pair: Pair, remote: RemoteFiles) -> None:
    write(pair.here, "a.jl")
    plain = Pair(RemoteFiles(remote.client, None), pair.here, pair.there, pair.manifest().path.parents[1])
    with pytest.raises(UsageError, match="plain mode"):
        await plain.sync()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_no_change_of_engee_is_lost(pair: Pair, local_engee: LocalEngee, seed: int) -> None:
    """Edits on both sides, lost replies, removals: what somebody wrote in Engee is there until --force."""
    chance = random.Random(seed)  # noqa: S311
    names = ["a.jl", "b.jl", "d/c.jl", "d/e/f.jl"]
    theirs: dict[str, str] = {}
    for step in range(25):
        for _ in range(chance.randint(0, 3)):
            name = chance.choice(names)
            side = chance.choice([pair.here, pair.here, pair.there])
            if chance.random() < 0.25 and (side / name).exists():
                (side / name).unlink()
                if side == pair.there:
                    theirs.pop(name, None)
            else:
                write(side, name, f"{side == pair.there} {step} {chance.random()}")
                if side == pair.there:
                    theirs[name] = (side / name).read_text()
        if chance.random() < 0.3:
            kind = chance.choice(["drop_before", "drop_after"])
            path = chance.choice(["command/eval", "file/upload"])
            local_engee.faults({"kind": kind, "path": path, "skip": chance.randint(0, 4), "count": 2})
        delete = chance.random() < 0.5
        try:
            outcome = await pair.sync(delete=delete)
        except EngeeError:
            outcome = None
        local_engee.faults()
        for name, text in theirs.items():
            assert (pair.there / name).read_text() == text
        if outcome is not None:
            kept = set(refused(outcome))
            for name in names:
                if (pair.here / name).exists() and name not in kept:
                    assert (pair.there / name).read_bytes() == (pair.here / name).read_bytes()
    await pair.sync(delete=True, force=True)
    files = {name: content for name, content in tree(pair.there).items() if content is not None and name not in theirs}
    assert files == {name: text for name, text in tree(pair.here).items() if text is not None and name not in theirs}
    assert left_behind(pair.there.parent) == []
