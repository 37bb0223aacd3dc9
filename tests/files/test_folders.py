"""%ls %cd %pwd %mkdir %rm %mv %cp %find %cat, and completion of names."""

from __future__ import annotations

from pathlib import Path

import pytest

from engee_kernel.emulator.process import LocalEngee
from engee_kernel.facts.errors import EngeeError, ForbiddenPathError, TransferError, UsageError
from engee_kernel.magics.registry import magics

from .conftest import Notebook, link, tree
from .test_transfers import grow

NAMES = ("%upload", "%download", "%ls", "%cd", "%pwd", "%mkdir", "%rm", "%mv", "%cp", "%find", "%cat")


@pytest.mark.parametrize("name", NAMES)
async def test_each_explains_itself(notebook: Notebook, name: str) -> None:
    screen = await notebook.run(f"{name} --help")
    assert screen.text.startswith(f"usage: {name}")
    assert "%%" not in screen.text
    assert magics()[name].help.endswith(".") or "%find" in name


async def test_relative_paths_begin_at_the_remote_folder(notebook: Notebook, user: Path, here: Path) -> None:
    assert (await notebook.run("%pwd")).text == "/user"
    await notebook.run('%mkdir "мой проект/data" other')
    assert tree(user) == {"other": None, "мой проект": None, "мой проект/data": None}
    assert (await notebook.run('%cd "мой проект"')).text == "/user/мой проект"
    grow(here, {"a.csv": b"1"})
    await notebook.run("%upload a.csv data")
    assert (user / "мой проект" / "data" / "a.csv").read_bytes() == b"1"
    await notebook.run("%download data/a.csv ./b.csv")
    assert (here / "b.csv").read_bytes() == b"1"
    assert "data/" in (await notebook.run("%ls")).text
    await notebook.run("%cd ..")
    assert (await notebook.run("%pwd")).text == "/user"
    with pytest.raises(UsageError, match="does not exist"):
        await notebook.run("%cd nowhere")
    with pytest.raises(UsageError, match="not a folder"):
        await notebook.run('%cd "мой проект/data/a.csv"')
    with pytest.raises(ForbiddenPathError):
        await notebook.run("%cd /etc")
    assert (await notebook.run("%pwd")).text == "/user"


async def test_ls_shows_folders_first_and_hides_dots(notebook: Notebook, user: Path) -> None:
    grow(user, {"b.txt": b"12345", "z/x.txt": b"", ".hidden": b""})
    link(user / "broken", "nowhere")
    lines = (await notebook.run("%ls")).text.splitlines()[2:]
    assert [line.split()[0] for line in lines] == ["z/", "b.txt", "broken"]
    assert "5 B" in lines[1]
    assert ".hidden" in (await notebook.run("%ls -a")).text
    assert (await notebook.run("%ls z/*.txt")).text.count("x.txt") == 1
    await notebook.run("%mkdir empty")
    assert "empty" in (await notebook.run("%ls empty")).text


async def test_rm_asks_for_r_and_spares_user(notebook: Notebook, user: Path) -> None:
    grow(user, {"a.txt": b"1", "b.txt": b"2", "d/e/c.txt": b"3", "f.md": b"4"})
    with pytest.raises(UsageError, match="Nothing was removed") as caught:
        await notebook.run("%rm a.txt d")
    assert "-r" in caught.value.hint
    for line in ("%rm /user", "%rm -r .", "%rm -r d/..", "%rm -r ~"):
        with pytest.raises(ForbiddenPathError):
            await notebook.run(line)
    assert len(tree(user)) == 6
    await notebook.run("%rm *.txt")
    await notebook.run("%cd d/e")
    screen = await notebook.run("%rm -r /user/d")
    assert tree(user) == {"f.md": b"4"}
    assert "The remote folder is now /user" in screen.text
    with pytest.raises(UsageError, match=r"nothing\.txt"):
        await notebook.run("%rm nothing.txt")


async def test_mv_and_cp(notebook: Notebook, user: Path) -> None:
    grow(user, {"a.txt": b"1", "b.txt": b"2", "d/x.txt": b"3"})
    await notebook.run("%mv a.txt c.txt")
    await notebook.run("%cp c.txt d")
    await notebook.run("%mv *.txt d/ --force")
    assert tree(user) == {"d": None, "d/b.txt": b"2", "d/c.txt": b"1", "d/x.txt": b"3"}
    with pytest.raises(UsageError, match="-r"):
        await notebook.run("%cp d e")
    await notebook.run("%cp -r d e")
    assert tree(user / "e") == tree(user / "d")
    with pytest.raises(TransferError, match="exists"):
        await notebook.run("%mv d/b.txt d/c.txt")
    with pytest.raises(UsageError, match="not a folder"):
        await notebook.run("%mv d/b.txt d/c.txt nowhere")
    with pytest.raises(ForbiddenPathError):
        await notebook.run("%mv d/b.txt /etc/")
    with pytest.raises(UsageError, match="target"):
        await notebook.run("%mv d")
    assert tree(user / "e") == tree(user / "d")


@pytest.mark.parametrize("line", ["%mv a.txt b.txt", "%cp a.txt b.txt", "%rm a.txt", "%mkdir b.txt"])
async def test_a_lost_reply_does_not_make_a_change_fail(
    notebook: Notebook, local_engee: LocalEngee, user: Path, line: str
) -> None:
    grow(user, {"a.txt": b"1"})
    await notebook.run("%ls")
    calls = {"%mv": ":move,", "%cp": ":copy_file,", "%rm": ":remove,", "%mkdir": ":make_dir,"}
    function = calls[line.split(maxsplit=1)[0]]
    local_engee.faults({"kind": "drop_after", "path": "command/eval", "contains": function, "count": 1})
    await notebook.run(line)
    assert local_engee.control("GET", "faults")["faults"][0]["hits"] == 1
    assert (
        set(tree(user))
        == {
            "%mv": {"b.txt"},
            "%cp": {"a.txt", "b.txt"},
            "%rm": set(),
            "%mkdir": {"a.txt", "b.txt"},
        }[line.split(maxsplit=1)[0]]
    )


async def test_find_looks_below_the_folder(notebook: Notebook, user: Path) -> None:
    grow(user, {"a/1.csv": b"", "a/b/2.csv": b"", "c/3.csv": b"", "c/и\u0306.md": b""})
    assert (await notebook.run("%find *.csv a")).text.count(".csv") == 2
    assert (await notebook.run("%find a/*.csv")).text.count(".csv") == 1
    assert "и\u0306.md" in (await notebook.run("%find й.*")).text
    assert "Nothing below /user" in (await notebook.run("%find *.xyz")).text


async def test_cat_is_bounded_and_honest(notebook: Notebook, user: Path) -> None:
    grow(user, {"a.txt": "привет\n".encode(), "b.bin": b"\0\1", "c.txt": "мир".encode("cp1251"), "empty": b""})
    assert (await notebook.run("%cat a.txt")).text.strip() == "привет"
    with pytest.raises(TransferError, match="not a text file"):
        await notebook.run("%cat b.bin")
    screen = await notebook.run("%cat c.txt")
    assert "--encoding cp1251" in screen.text
    assert "мир" in (await notebook.run("%cat c.txt --encoding cp1251")).text
    assert not (await notebook.run("%cat empty")).text.strip()
    with (user / "huge.txt").open("wb") as file:
        file.write("й".encode() * 100_000)
    screen = await notebook.run("%cat huge.txt --bytes 1001")
    assert "\ufffd" not in screen.text
    assert screen.text.count("й") == 500
    assert "1001 B of 195.3 KiB" in screen.text
    with pytest.raises(UsageError, match="not a file"):
        await notebook.run("%cat /user")
    with pytest.raises(UsageError, match="nowhere"):
        await notebook.run("%cat nowhere")
    with pytest.raises(UsageError, match="encoding"):
        await notebook.run("%cat a.txt --encoding klingon")
    with pytest.raises(UsageError, match="--bytes"):
        await notebook.run("%cat a.txt --bytes 0")


async def test_names_are_completed_on_both_sides(notebook: Notebook, user: Path, here: Path) -> None:
    grow(here, {"отчёт 1.csv": b"", "отдел/x.txt": b"", "plain.txt": b"", ".hidden": b""})
    grow(user, {"данные 1/a b.csv": b"", "data/c.csv": b"", "top.txt": b""})
    assert await notebook.complete("%upload от") == ["%upload отдел/", '%upload "отчёт 1.csv"']
    assert await notebook.complete('%upload "отч') == ['%upload "отчёт 1.csv"']
    assert await notebook.complete("%upload pl") == ["%upload plain.txt"]
    assert await notebook.complete("%ls da") == []  # nothing is installed while one types
    await notebook.run("%ls")
    assert await notebook.complete("%ls da") == ["%ls data/"]
    assert await notebook.complete("%cat data/") == ["%cat data/c.csv"]
    assert await notebook.complete("%download дан") == ['%download "данные 1/']
    assert await notebook.complete('%download "данные 1/') == ['%download "данные 1/a b.csv"']
    assert await notebook.complete("%cd ") == ["%cd data/", '%cd "данные 1/']
    assert await notebook.complete("%upload plain.txt /user/da") == ["%upload plain.txt /user/data/"]
    assert await notebook.complete("%download top.txt ./pl") == ["%download top.txt ./plain.txt"]
    assert "%ls --all" in await notebook.complete("%ls --")


async def test_a_stopped_server_is_started_for_a_magic_only_where_that_is_set(
    notebook: Notebook, local_engee: LocalEngee, user: Path
) -> None:
    await notebook.session.client.stop()
    await notebook.run("%mkdir made")
    assert tree(user) == {"made": None}


@pytest.mark.parametrize("line", ["%upload", "%download", "%rm", "%upload --nonsense a", '%upload "a'])
async def test_bad_arguments_are_explained(notebook: Notebook, line: str) -> None:
    with pytest.raises(EngeeError) as caught:
        await notebook.run(line)
    assert caught.value.hint
