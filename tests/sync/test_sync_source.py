"""Which files of a folder are sent: git itself is asked where there is one."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engee_kernel.facts.errors import TransferError, UsageError
from engee_kernel.sync.source import scan


def grow(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")


def write(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def names(folder: Path) -> set[str]:
    return set(scan(folder.resolve()).files)


def test_git_and_leftovers_of_editors_are_left_out(tmp_path: Path) -> None:
    grow(tmp_path, "a.jl", "src/модель.jl", ".git/config", "sub/.git/config", "a.jl~", ".a.jl.swp", ".DS_Store")
    grow(tmp_path, ".hidden", "sub/.ipynb_checkpoints/x.ipynb", ".github/workflows/ci.yml")
    assert names(tmp_path) == {"a.jl", "src/модель.jl", ".hidden", ".github/workflows/ci.yml"}


def test_engeeignore_comes_last_and_may_let_through(tmp_path: Path) -> None:
    grow(tmp_path, "a.jl", "a.log", "data/big.csv", "notes/x.md", "b.jl~", ".git/x")
    write(tmp_path / ".gitignore", "*.log", "data/")
    write(tmp_path / ".engeeignore", "!data/", "notes/", "!*~", "!.git", "*ignore")
    assert names(tmp_path) == {"a.jl", "data/big.csv", "b.jl~"}


def test_rules_of_the_repository_around_it_hold(tmp_path: Path) -> None:
    grow(tmp_path, ".git/HEAD", "src/a.jl", "src/a.log", "src/deep/b.log", "src/deep/c.txt", "src/build/x")
    write(tmp_path / ".gitignore", "*.log", "/src/build/", "/c.txt")
    write(tmp_path / "src" / "deep" / ".gitignore", "!b.log", "c.txt")
    assert names(tmp_path / "src") == {"a.jl", "deep/b.log", "deep/.gitignore"}
    assert names(tmp_path / "src" / "deep") == {"b.log", ".gitignore"}


@pytest.mark.skipif(shutil.which("git") is None, reason="NO GIT: rules are not compared with its own")
@pytest.mark.parametrize("seed", range(12))
def test_the_same_files_as_git_would_take(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    folders = ["", "a/", "b/", "a/b/", "a/b/c/", "build/", "a/build/"]
    for folder in folders:
        for name in chance.sample(["x.jl", "y.log", "z.txt", "keep.log", "a b.csv", "отчёт.log"], 4):
            grow(tmp_path, folder + name)
    rules = ["*.log", "!keep.log", "build/", "/a/b", "a/**/x.jl", "b/*.txt", "**/c", "*.c[st]v", "!/a/b/", "# no", ""]
    for folder in ["", *chance.sample(folders[1:], 2)]:
        write(tmp_path / folder / ".gitignore", *chance.sample(rules, 4), r"отчёт.*", r"\!x", "y.log ")
    git = ["git", "-c", "core.quotepath=off", "-c", "core.excludesFile="]
    subprocess.run([*git, "init", "-q", "."], cwd=tmp_path, check=True)
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--others", "--exclude-standard"], cwd=tmp_path, check=True, capture_output=True
    )
    assert names(tmp_path) == set(filter(None, listed.stdout.decode().split("\0")))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there are no two such names, or no links")
def test_what_can_not_be_sent_is_named(tmp_path: Path) -> None:
    grow(tmp_path, "a.jl", "d/b.jl")
    (tmp_path / "link").symlink_to("d")
    (tmp_path / "file").symlink_to("a.jl")
    (tmp_path / "broken").symlink_to("nowhere")
    found = scan(tmp_path)
    assert set(found.files) == {"a.jl", "d/b.jl", "file"}
    assert sorted(line.split(" ", 1)[1] for line in found.skipped) == [
        "is a link to a folder.",
        "is a link to nothing.",
    ]
    grow(tmp_path, "\u0439.jl", "\u0438\u0306.jl")
    with pytest.raises(UsageError, match="twice"):
        scan(tmp_path)


def test_no_folder_is_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        scan(tmp_path / "нет")
    grow(tmp_path, "a.jl")
    with pytest.raises(UsageError, match="no folder"):
        scan(tmp_path / "a.jl")


def test_a_rule_that_is_none_is_an_error(tmp_path: Path) -> None:
    grow(tmp_path, "a.jl")
    write(tmp_path / ".engeeignore", "!")
    with pytest.raises(TransferError, match="no valid rule"):
        scan(tmp_path)
