"""The frame of `engee-kernel`: help, exit codes, errors and consoles with old code pages."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from engee_kernel import __version__, cli

from .conftest import Run

HEAVY = ("httpx", "traitlets", "jupyter_client", "ipykernel", "starlette", "rich", "keyring")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_each_command_keeps_the_contract(name: str) -> None:
    module = cli.command_module(name)
    assert name == module.NAME
    assert module.HELP.strip() == module.HELP and not module.HELP.endswith(".")
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    assert callable(module.run)
    has_options = len(parser._actions) > 1
    assert parser.epilog or not has_options, "help that teaches has examples"


def test_help_lists_every_command_and_imports_nothing_heavy(engee_kernel: Run) -> None:
    program = (
        "import json, sys; from engee_kernel.cli import main\n"
        "try: main(['--help'])\n"
        f"except SystemExit: print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", errors="backslashreplace", check=True
    )
    *help_lines, imported = done.stdout.splitlines()
    assert json.loads(imported) == []
    for name in cli.COMMANDS:
        assert any(line.split()[:1] == [name] for line in help_lines)


def test_version(engee_kernel: Run) -> None:
    done = engee_kernel("--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"engee-kernel {__version__}")


def test_no_command_shows_the_help_and_fails(engee_kernel: Run) -> None:
    done = engee_kernel()
    assert done.returncode == 2
    assert "first steps" in done.stdout


@pytest.mark.parametrize("words", [["frobnicate"], ["install", "--nonsense"], ["install", "--user", "--sys-prefix"]])
def test_wrong_usage_is_two_without_a_traceback(engee_kernel: Run, words: list[str]) -> None:
    done = engee_kernel(*words)
    assert done.returncode == 2
    assert "usage:" in done.stderr
    assert "Traceback" not in done.stderr


def test_argparse_does_not_repeat_a_token(engee_kernel: Run) -> None:
    done = engee_kernel("install", "ENGEE_TOKEN=pat-1234567890", "--token=pat-1234567890")
    assert done.returncode == 2
    assert "pat-1234567890" not in done.stderr + done.stdout


def test_errors_are_a_sentence_and_a_hint(engee_kernel: Run) -> None:
    done = engee_kernel("uninstall", "--name", "a b")
    assert done.stderr == (
        "engee-kernel: “a b” can't be a kernel's name.\n"
        "Use Latin letters, digits, and the signs - . _ without spaces.\n"
    )
    assert done.stdout == ""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_gone_is_no_traceback(
    jupyter_environment: dict[str, str], tmp_path: Path, unbuffered: str
) -> None:
    program = "import sys; from engee_kernel.cli import main; sys.stdin.read(); sys.exit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", program, "install", "--prefix", str(tmp_path)],
        env={**jupyter_environment, "PYTHONUNBUFFERED": unbuffered},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stderr is not None and process.stdin is not None
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == cli.FAILED


@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "ascii"])
def test_old_code_pages_do_not_crash_it(jupyter_environment: dict[str, str], encoding: str) -> None:
    program = "import sys; from engee_kernel.cli import main; sys.exit(main())"
    for words in (["--help"], ["install", "--name", "мотор"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            env={**jupyter_environment, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert b"Traceback" not in done.stderr
        assert done.returncode == (0 if words == ["--help"] else 2)
        if encoding == "cp1251" and words != ["--help"]:
            assert "мотор" in done.stderr.decode(encoding)


def test_emulator_gets_its_words_unread(engee_kernel: Run) -> None:
    done = engee_kernel("emulator", "--help")
    assert done.returncode == 0
    assert "--install-julia" in done.stdout
    assert engee_kernel("emulator", "--port", "none").returncode == 2
