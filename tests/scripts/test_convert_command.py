"""`engee-kernel convert` as a program: files, targets, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from engee_kernel import cli

from .test_conversion import PENDULUM

BYTES = PENDULUM.encode()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "мои скрипты"
    folder.mkdir()
    (folder / "маятник.ngscript").write_bytes(BYTES)
    monkeypatch.chdir(folder)
    return folder


Said = tuple[int, str, str]


@pytest.fixture
def convert(here: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    def run(*words: str) -> Said:
        code = cli.main(["convert", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_there_and_back(convert: Callable[..., Said], here: Path) -> None:
    assert convert("маятник.ngscript") == (0, "маятник.ngscript → маятник.ipynb\n", "")
    nbformat.validate(nbformat.read(here / "маятник.ipynb", as_version=4))
    (here / "маятник.ngscript").unlink()
    assert convert("маятник.ipynb")[0] == 0
    assert (here / "маятник.ngscript").read_bytes() == BYTES


def test_an_existing_target_is_kept_without_force(convert: Callable[..., Said], here: Path) -> None:
    (here / "маятник.ipynb").write_text("mine", encoding="utf-8")
    code, out, err = convert("маятник.ngscript")
    assert (code, out) == (2, "")
    assert "“маятник.ipynb” exists. Nothing was written." in err
    assert "--force" in err
    assert (here / "маятник.ipynb").read_text(encoding="utf-8") == "mine"
    assert convert("маятник.ngscript", "--force")[0] == 0
    assert "cells" in (here / "маятник.ipynb").read_text(encoding="utf-8")
    assert sorted(path.name for path in here.iterdir()) == ["маятник.ipynb", "маятник.ngscript"]


def test_the_target_may_be_named(convert: Callable[..., Said], here: Path) -> None:
    (here / "out").mkdir()
    assert convert("маятник.ngscript", "--to", "out")[0] == 0
    assert convert("маятник.ngscript", "--to", "out/b.ipynb")[0] == 0
    assert sorted(path.name for path in (here / "out").iterdir()) == ["b.ipynb", "маятник.ipynb"]
    for target, said in (("b.txt", ".ipynb"), ("nowhere/", "no folder"), ("маятник.ngscript", ".ipynb")):
        code, _, err = convert("маятник.ngscript", "--to", target)
        assert code == 2
        assert said in err
    code, _, err = convert("маятник.ngscript", "--to", "nowhere/b.ipynb")
    assert code == 1
    assert "can't be written" in err


def test_several_are_written_together_or_not_at_all(convert: Callable[..., Said], here: Path) -> None:
    (here / "b.ngscript").write_bytes(BYTES[:-30])
    code, out, err = convert("маятник.ngscript", "b.ngscript")
    assert (code, out) == (1, "")
    assert "b.ngscript is no JSON" in err
    assert not list(here.glob("*.ipynb"))
    (here / "b.ngscript").write_bytes(BYTES)
    assert convert("маятник.ngscript", "b.ngscript")[0] == 0
    assert len(list(here.glob("*.ipynb"))) == 2
    (here / "d").mkdir()
    (here / "d" / "b.ngscript").write_bytes(BYTES)
    code, _, err = convert("b.ngscript", "d/b.ngscript", "--to", ".", "--force")
    assert code == 2
    assert "Several files would become" in err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "no JSON"),
        (BYTES.decode().encode("cp1251", "replace"), "UTF-8"),
        (b'{"nbformat": 3, "worksheets": []}', "format 3"),
        (BYTES.replace(b'"language": "julia"', b'"language": "python"'), "python"),
    ],
)
@pytest.mark.parametrize("force", [False, True])
def test_a_bad_file_leaves_the_target_as_it_was(
    convert: Callable[..., Said], here: Path, content: bytes, said: str, force: bool
) -> None:
    (here / "маятник.ngscript").write_bytes(content)
    if force:
        (here / "маятник.ipynb").write_bytes(b"mine")
    code, out, err = convert("маятник.ngscript", *["--force"][:force])
    assert (code, out) == (1, "")
    assert said in err
    assert [path.read_bytes() for path in here.glob("*.ipynb")] == [b"mine"][:force]


def test_patterns_are_for_every_shell(convert: Callable[..., Said], here: Path) -> None:
    (here / "[b].ngscript").write_bytes(BYTES)
    assert convert("*.ngscript")[0] == 0
    assert sorted(path.name for path in here.glob("*.ipynb")) == ["[b].ipynb", "маятник.ipynb"]
    assert convert("[b].ngscript", "--force")[1] == "[b].ngscript → [b].ipynb\n"
    code, _, err = convert("x*.ngscript")
    assert code == 2
    assert "Nothing here matches “x*.ngscript”" in err


@pytest.mark.parametrize("name", ["нет.ngscript", "маятник.txt"])
def test_a_wrong_name_is_explained(convert: Callable[..., Said], name: str) -> None:
    code, _, err = convert(name)
    assert code == 2
    assert name in err


def test_a_linked_target_stays_a_link(convert: Callable[..., Said], here: Path) -> None:
    (here / "real.ipynb").write_bytes(b"old")
    try:
        (here / "маятник.ipynb").symlink_to("real.ipynb")
    except OSError:
        pytest.skip("no links without a right to make them on Windows")
    assert convert("маятник.ngscript")[0] == 2
    assert convert("маятник.ngscript", "--force")[0] == 0
    assert (here / "маятник.ipynb").is_symlink()
    assert b"cells" in (here / "real.ipynb").read_bytes()


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="rights of POSIX")
def test_a_folder_without_rights(convert: Callable[..., Said], here: Path) -> None:
    (here / "out").mkdir(mode=0o500)
    code, _, err = convert("маятник.ngscript", "--to", "out")
    assert code == 1
    assert "can't be written" in err


def test_it_needs_no_settings_and_no_network(here: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ENGEE_")}
    done = subprocess.run(
        [sys.executable, "-m", "engee_kernel.cli", "convert", "маятник.ngscript"],
        env=environment | {"PYTHONUTF8": "1", "ENGEE_URL": "nonsense"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
