"""%download --ipynb and %upload --ngscript: conversion on the way, on a real local Engee."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engee_kernel.emulator.process import LocalEngee
from engee_kernel.facts.errors import ScriptError, UsageError

from .conftest import Notebook, left_behind, tree
from .test_transfers import grow

SCRIPT = (Path(__file__).parents[1] / "scripts" / "pendulum.ngscript").read_bytes()


def kernel_of(path: Path) -> str:
    return str(json.loads(path.read_text(encoding="utf-8"))["metadata"]["kernelspec"]["name"])


async def test_a_script_comes_as_a_notebook_and_goes_back_the_same(notebook: Notebook, user: Path, here: Path) -> None:
    grow(user, {"модели/маятник.ngscript": SCRIPT})
    screen = await notebook.run("%download модели/маятник.ngscript --ipynb")
    assert list(tree(here)) == ["маятник.ipynb"]
    assert kernel_of(here / "маятник.ipynb") == "engee"
    assert "маятник.ipynb" in screen.text
    assert "checksum agrees" in screen.text
    screen = await notebook.run("%upload маятник.ipynb --ngscript --to back")
    assert tree(user / "back") == {"маятник.ngscript": SCRIPT}
    assert "маятник.ipynb" in screen.text
    assert "/user/back/маятник.ngscript" in screen.text
    assert left_behind(user) == left_behind(here) == []


async def test_the_notebook_may_be_named(notebook: Notebook, user: Path, here: Path) -> None:
    grow(user, {"a.ngscript": SCRIPT})
    await notebook.run("%download a.ngscript ./b.ipynb --ipynb")
    assert kernel_of(here / "b.ipynb") == "engee"
    with pytest.raises(UsageError, match=r"b\.txt.*no name for a notebook"):
        await notebook.run("%download a.ngscript --to b.txt --ipynb")
    assert list(tree(here)) == ["b.ipynb"]


async def test_an_existing_notebook_is_kept_without_force(notebook: Notebook, user: Path, here: Path) -> None:
    grow(user, {"a.ngscript": SCRIPT, "b.ngscript": SCRIPT})
    grow(here, {"b.ipynb": b"mine"})
    with pytest.raises(UsageError, match=r"“b\.ipynb” exists") as caught:
        await notebook.run("%download *.ngscript --ipynb")
    assert "--force" in caught.value.hint
    assert tree(here) == {"b.ipynb": b"mine"}
    screen = await notebook.run("%download *.ngscript --ipynb --force")
    assert kernel_of(here / "b.ipynb") == "engee"
    assert "b.ipynb (replaced)" in screen.text
    assert "a.ipynb (replaced)" not in screen.text


async def test_other_files_of_a_folder_come_as_they_are(notebook: Notebook, user: Path, here: Path) -> None:
    grow(user, {"p/a.ngscript": SCRIPT, "p/data.csv": b"1", "p/sub/B.NGSCRIPT": SCRIPT})
    await notebook.run("%download -r p --ipynb")
    assert {name for name, content in tree(here).items() if content is not None} == {
        "p/a.ipynb",
        "p/data.csv",
        "p/sub/B.ipynb",
    }
    await notebook.run("%upload -r p --ngscript --to back")
    assert {name: content for name, content in tree(user / "back").items() if content is not None} == {
        "p/a.ngscript": SCRIPT,
        "p/data.csv": b"1",
        "p/sub/B.ngscript": SCRIPT,
    }


async def test_a_broken_script_leaves_no_notebook(notebook: Notebook, user: Path, here: Path) -> None:
    grow(user, {"a.ngscript": SCRIPT, "b.ngscript": SCRIPT[:-30]})
    grow(here, {"a.ipynb": b"mine"})
    with pytest.raises(ScriptError, match=r"b\.ngscript is no JSON"):
        await notebook.run("%download *.ngscript --ipynb --force")
    assert tree(here) == {"a.ipynb": b"mine"}


async def test_a_notebook_that_is_no_julia_is_not_sent(
    notebook: Notebook, local_engee: LocalEngee, user: Path, here: Path
) -> None:
    grow(user, {"a.ngscript": b"theirs"})
    grow(here, {"a.ipynb": SCRIPT.replace(b'"language": "julia"', b'"language": "python"')})
    with pytest.raises(ScriptError, match=r"a\.ipynb is a notebook in python"):
        await notebook.run("%upload a.ipynb --ngscript")
    assert tree(user) == {"a.ngscript": b"theirs"}


async def test_the_options_need_something_to_convert(notebook: Notebook, user: Path, here: Path) -> None:
    grow(user, {"a.csv": b"1"})
    grow(here, {"b.csv": b"1", "c.ipynb": SCRIPT, "c.ngscript": SCRIPT})
    with pytest.raises(UsageError, match=r"no script \(\.ngscript\)"):
        await notebook.run("%download a.csv --ipynb")
    with pytest.raises(UsageError, match=r"no notebook \(\.ipynb\)"):
        await notebook.run("%upload b.csv --ngscript")
    with pytest.raises(UsageError, match="same remote name"):
        await notebook.run("%upload c.* --ngscript")
    assert list(tree(user)) == ["a.csv"]
