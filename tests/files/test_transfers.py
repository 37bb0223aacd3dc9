"""%upload and %download as a person uses them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from engee_kernel.cells.options import Options
from engee_kernel.emulator.process import LocalEngee
from engee_kernel.facts.errors import ForbiddenPathError, TransferError, UsageError

from .conftest import Notebook, left_behind, link, tree

TREE = {
    "отчёт 1.csv": "α;β\n1;2\n".encode(),
    "empty.txt": b"",
    "модель/блок №1/параметры.jl": b"x = 1\n" * 1000,
    "модель/блок №1/й (NFC).txt": b"composed",
    "модель/'quoted' \"twice\".txt": b"quotes",
    "модель/$price \\ back.txt": b"dollar",
    "модель/.hidden": b"hidden",
    "data/random.bin": os.urandom(3_000_000),
    "data/😀.bin": bytes(range(256)),
}


def grow(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


async def test_one_file_goes_up_and_comes_back(notebook: Notebook, user: Path, here: Path) -> None:
    grow(here, {"отчёт 1.csv": b"1;2\n"})
    screen = await notebook.run('%upload "отчёт 1.csv" data')
    assert (user / "data" / "отчёт 1.csv").read_bytes() == b"1;2\n"
    assert "/user/data/отчёт 1.csv" in screen.text
    assert "checksum agrees" in screen.text
    (here / "отчёт 1.csv").unlink()
    screen = await notebook.run('%download "data/отчёт 1.csv"')
    assert (here / "отчёт 1.csv").read_bytes() == b"1;2\n"
    assert "checksum agrees" in screen.text
    assert left_behind(user) == left_behind(here) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
async def test_a_tree_round_trips_bit_exactly(notebook: Notebook, user: Path, here: Path) -> None:
    grow(here / "проект", TREE)
    (here / "проект" / "пустая папка" / "ещё одна").mkdir(parents=True)
    (here / "проект" / "й (NFD).txt").write_bytes(b"decomposed")
    await notebook.run("%upload -r проект")
    assert tree(user) == tree(here)
    await notebook.run("%download -r проект --to back")
    assert tree(here / "back" / "проект") == tree(here / "проект")
    assert left_behind(user) == left_behind(here) == []


async def test_the_same_upload_twice_leaves_one_file(notebook: Notebook, user: Path, here: Path) -> None:
    grow(here, {"a.txt": b"first"})
    await notebook.run("%upload a.txt")
    grow(here, {"a.txt": b"second"})
    screen = await notebook.run("%upload a.txt")
    assert tree(user) == {"a.txt": b"second"}
    assert "(replaced)" in screen.text


@pytest.mark.parametrize("reply", ["empty", "list"])
async def test_keep_reports_the_name_that_came_out(
    notebook: Notebook, local_engee: LocalEngee, user: Path, here: Path, reply: str
) -> None:
    local_engee.configure(upload_reply=reply)
    grow(here, {"a.txt": b"new"})
    grow(user, {"a.txt": b"old"})
    screen = await notebook.run("%upload --keep a.txt")
    assert tree(user) == {"a.txt": b"old", "a_1.txt": b"new"}
    assert "/user/a_1.txt" in screen.text


async def test_several_files_go_in_one_request(
    notebook: Notebook, local_engee: LocalEngee, user: Path, here: Path
) -> None:
    grow(here, {f"f{number:02}.txt": str(number).encode() for number in range(20)})
    await notebook.run("%upload f*.txt")
    assert len(tree(user)) == 20
    (here / "back").mkdir()
    await notebook.run("%download f*.txt back")
    assert tree(here / "back") == tree(user)
    paths = [call["path"] for call in local_engee.requests()]
    assert sum(path.endswith("file/upload") for path in paths) == 1
    assert sum(path.endswith("file/download") for path in paths) == 1


@pytest.mark.parametrize("names", ["name", "path"])
async def test_zip_entries_are_recognised_however_they_are_called(
    notebook: Notebook, local_engee: LocalEngee, user: Path, here: Path, names: str
) -> None:
    local_engee.configure(zip_names=names)
    grow(user, {"x/й.txt": b"1", "x/b.txt": b"22", "y/b.txt": b"333", "y/B.txt": b"4444"})
    await notebook.run("%download -r x y")
    assert tree(here) == tree(user)


async def test_globs_keep_the_tree_below_them_unless_flattened(notebook: Notebook, user: Path, here: Path) -> None:
    grow(here, {"d/1.csv": b"1", "d/s/2.csv": b"2", "d/s/3.txt": b"3"})
    await notebook.run("%upload d/**/*.csv tree/")
    assert tree(user / "tree") == {"1.csv": b"1", "s": None, "s/2.csv": b"2"}
    await notebook.run("%upload --flatten d/**/*.csv flat/")
    assert tree(user / "flat") == {"1.csv": b"1", "2.csv": b"2"}
    await notebook.run("%download tree/**/*.csv ./back/")
    assert tree(here / "back") == tree(user / "tree")


async def test_a_brace_pattern_downloads_each_alternative(notebook: Notebook, user: Path, here: Path) -> None:
    grow(user, {"a.csv": b"1", "b.txt": b"2", "c.md": b"3", ".d.csv": b"4"})
    await notebook.run("%download *.{csv,txt}")
    assert tree(here) == {"a.csv": b"1", "b.txt": b"2"}


async def test_existing_local_files_are_kept_unless_forced(
    notebook: Notebook, local_engee: LocalEngee, user: Path, here: Path
) -> None:
    grow(user, {"a.txt": b"remote", "b.txt": b"remote"})
    grow(here, {"b.txt": b"mine"})
    with pytest.raises(UsageError, match=r"b\.txt") as caught:
        await notebook.run("%download a.txt b.txt --to .")
    assert "--force" in caught.value.hint
    assert tree(here) == {"b.txt": b"mine"}
    assert not any(call["path"].endswith("download") for call in local_engee.requests())
    await notebook.run("%download --force a.txt b.txt --to .")
    assert tree(here) == tree(user)


async def test_a_single_file_may_get_another_name(notebook: Notebook, user: Path, here: Path) -> None:
    grow(user, {"a.txt": b"1"})
    await notebook.run("%download a.txt ./renamed.txt")
    assert tree(here) == {"renamed.txt": b"1"}


async def test_names_in_the_other_unicode_form_are_found(notebook: Notebook, user: Path, here: Path) -> None:
    composed, decomposed = "й.txt", "и\u0306.txt"
    (user / decomposed).write_bytes(b"1")
    await notebook.run(f"%download {composed}")
    assert list(tree(here)) == [decomposed]
    await notebook.run(f"%upload {composed} --to up")
    assert list(tree(user / "up")) == [decomposed]


async def test_a_folder_needs_r(notebook: Notebook, user: Path, here: Path) -> None:
    grow(here, {"d/a.txt": b"1"})
    grow(user, {"e/a.txt": b"1"})
    with pytest.raises(UsageError, match="folder") as caught:
        await notebook.run("%upload d")
    assert "-r" in caught.value.hint
    with pytest.raises(UsageError, match="folder") as caught:
        await notebook.run("%download e")
    assert "-r" in caught.value.hint


async def test_folders_that_a_pattern_meets_are_mentioned(notebook: Notebook, user: Path, here: Path) -> None:
    grow(here, {"d/a.txt": b"1", "e.txt": b"2"})
    screen = await notebook.run("%upload * --to up")
    assert tree(user / "up") == {"e.txt": b"2"}
    assert "Skipped: d" in screen.text


@pytest.mark.parametrize(
    "line", ["%upload a.txt /etc", "%upload a.txt ../etc/", "%download ../etc/passwd", "%cat /etc/passwd"]
)
async def test_paths_outside_of_user_are_refused_before_anything_is_sent(
    notebook: Notebook, local_engee: LocalEngee, here: Path, line: str
) -> None:
    grow(here, {"a.txt": b"1"})
    with pytest.raises(ForbiddenPathError, match="/user"):
        await notebook.run(line)
    assert not any("/file/" in call["path"] for call in local_engee.requests())


async def test_what_is_missing_is_named(notebook: Notebook, here: Path) -> None:
    with pytest.raises(UsageError, match=r"“нет\.csv”"):
        await notebook.run("%upload нет.csv")
    with pytest.raises(UsageError, match=r"/user/нет\.csv"):
        await notebook.run("%download нет.csv")
    with pytest.raises(UsageError, match=r"matches “\*.xyz”"):
        await notebook.run("%upload *.xyz")


async def test_a_mistyped_last_file_is_no_remote_folder(notebook: Notebook, user: Path, here: Path) -> None:
    grow(here, {"a.csv": b"1", "b.csv": b"2"})
    with pytest.raises(UsageError, match=r"b\.cvs"):
        await notebook.run("%upload a.csv b.cvs")
    assert tree(user) == {}


async def test_two_files_with_one_target_are_refused(notebook: Notebook, user: Path, here: Path) -> None:
    grow(here, {"x/a.csv": b"1", "y/a.csv": b"2"})
    with pytest.raises(UsageError, match="same remote name"):
        await notebook.run("%upload x/a.csv y/a.csv --to up")
    assert tree(user) == {}


async def test_a_file_does_not_replace_a_folder(notebook: Notebook, user: Path, here: Path) -> None:
    grow(here, {"a": b"1"})
    grow(user, {"a/inner.txt": b"1"})
    with pytest.raises(UsageError, match="folder"):
        await notebook.run("%upload a")
    assert tree(user) == {"a": None, "a/inner.txt": b"1"}


async def test_a_link_to_a_folder_is_not_followed(notebook: Notebook, user: Path, here: Path) -> None:
    grow(here, {"d/a.txt": b"1"})
    link(here / "d" / "circle", here / "d", is_folder=True)
    screen = await notebook.run("%upload -r d")
    assert tree(user) == {"d": None, "d/a.txt": b"1"}
    assert "circle" in screen.text


async def test_plain_mode_replaces_too_and_says_what_it_can_not_compare(
    client: object, notebook: Notebook, user: Path, here: Path
) -> None:
    notebook.session.options = Options(mode="plain")
    grow(here, {"отчёт.txt": b"new"})
    grow(user, {"up/отчёт.txt": b"old"})
    screen = await notebook.run("%upload отчёт.txt up/")
    assert tree(user) == {"up": None, "up/отчёт.txt": b"new"}
    assert "could not be compared" in screen.text
    (here / "отчёт.txt").unlink()
    screen = await notebook.run("%download up/отчёт.txt")
    assert (here / "отчёт.txt").read_bytes() == b"new"
    assert "could not be compared" in screen.text
    with pytest.raises(UsageError, match="plain mode"):
        await notebook.run("%download *.txt")
    with pytest.raises(TransferError, match="plain mode"):
        await notebook.run("%ls")


async def test_a_restarted_engee_is_no_obstacle(
    notebook: Notebook, local_engee: LocalEngee, user: Path, here: Path
) -> None:
    grow(here, {"a.txt": b"1"})
    await notebook.run("%upload a.txt")
    local_engee.reset(new_session=True)
    await notebook.run("%upload a.txt --to again")
    assert tree(user) == {"a.txt": b"1", "again": None, "again/a.txt": b"1"}
