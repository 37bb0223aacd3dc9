"""Where the command line's output goes, and where its input comes from: pipes, files, consoles, nowhere."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engee_kernel import cli
from engee_kernel.commands import streams
from engee_kernel.commands.terminal import Terminal
from engee_kernel.facts.events import Input

PROGRAM = "import sys; from engee_kernel.cli import main; sys.exit(main())"
# sets up the standard streams as Windows does for a pipe: in its legacy code page
LEGACY = (
    "import sys\n"
    "for stream in (sys.stdin, sys.stdout, sys.stderr): stream.reconfigure(encoding='cp1251', errors='strict')\n"
    "from engee_kernel.cli import main\n"
    "sys.exit(main())"
)


def legacy(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in environment.items() if name not in ("PYTHONIOENCODING", "PYTHONUTF8")}
    return subprocess.run(
        [sys.executable, "-c", LEGACY, *words],
        env=kept | {"PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
        timeout=60,
    )


def test_a_pipe_gets_utf_8_whatever_the_code_page_is(jupyter_environment: dict[str, str]) -> None:
    done = legacy(jupyter_environment, "--help")
    assert done.returncode == 0
    assert "“engee-kernel COMMAND --help” explains" in done.stdout.decode("utf-8")
    done = legacy(jupyter_environment, "install", "--name", "α–мотор")
    assert "“α–мотор” can't be a kernel's name." in done.stderr.decode("utf-8")


def test_json_in_a_pipe_is_ascii(jupyter_environment: dict[str, str]) -> None:
    done = legacy({**jupyter_environment, "ENGEE_STATE_DIR": "/tmp/состояние α"}, "config", "--json")  # noqa: S108
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode("ascii"))["state_dir"]["value"] == "/tmp/состояние α"  # noqa: S108


def test_an_encoding_that_was_asked_for_is_obeyed(jupyter_environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "install", "--name", "мотор"],
        env={**jupyter_environment, "PYTHONIOENCODING": "cp866"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert "мотор" in done.stderr.decode("cp866")


def test_a_closed_pipe_is_known_in_both_its_forms() -> None:
    assert streams.is_closed_pipe(BrokenPipeError(errno.EPIPE, "Broken pipe"))
    closed = OSError(errno.EINVAL, "Invalid argument")
    assert streams.is_closed_pipe(closed, windows=True)
    assert not streams.is_closed_pipe(closed, windows=False)
    assert not streams.is_closed_pipe(OSError(errno.EINVAL, "Invalid argument", "a:b"), windows=True)
    assert not streams.is_closed_pipe(OSError(errno.ENOSPC, "No space left on device"), windows=True)


# Windows says EINVAL where POSIX says EPIPE: here a stream that does the same
CLOSED = """
import errno, io, os, sys
sys.stdin.read()
class Closed(io.RawIOBase):
    def writable(self): return True
    def fileno(self): return 1
    def write(self, data):
        try: return os.write(1, data)
        except BrokenPipeError: raise OSError(errno.EINVAL, "Invalid argument")
sys.stdout = io.TextIOWrapper(io.BufferedWriter(Closed()), encoding="utf-8")
from engee_kernel.commands import streams
real = streams.is_closed_pipe
streams.is_closed_pipe = lambda error: real(error, windows=True)
from engee_kernel.cli import main
sys.exit(main(["config"]))
"""


def test_a_pipe_that_closes_on_windows_is_a_quiet_end(jupyter_environment: dict[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CLOSED],
        env=jupyter_environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stdin is not None and process.stderr is not None
        process.stdout.close()
        process.stdin.close()
        assert (process.stderr.read(), process.wait(60)) == (b"", cli.FAILED)


@pytest.mark.parametrize("words", [["config"], ["uninstall", "--name", "nowhere"]])
def test_both_streams_closed_is_a_quiet_end(jupyter_environment: dict[str, str], words: list[str]) -> None:
    program = "import sys; sys.stdin.read(); from engee_kernel.cli import main; sys.exit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", program, *words],
        env=jupyter_environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.close()
        process.stdin.close()
        assert process.wait(60) == cli.FAILED


# Prompts


def test_a_token_prompt_without_a_console_is_a_clear_error(jupyter_environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "login"],
        env=jupyter_environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
        start_new_session=os.name != "nt",
    )
    assert done.returncode == cli.CALLED_WRONGLY
    assert "There is no terminal to type a token into." in done.stderr
    assert "--token-stdin" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals are POSIX's")
def test_ctrl_c_ends_a_token_prompt(jupyter_environment: dict[str, str]) -> None:
    import pty  # noqa: PLC0415 - POSIX only

    child, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "login"],
        env=jupyter_environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        seen = b""
        while b"(not shown)" not in seen:
            seen += os.read(child, 1000)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(20) == cli.INTERRUPTED
        finally:
            process.kill()
    os.close(child)


async def test_ctrl_c_in_a_password_prompt_on_windows_interrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    """There it is a key that getpass reads, in the thread that waits for it."""
    import asyncio  # noqa: PLC0415

    def typed(*_: object) -> str:
        raise KeyboardInterrupt

    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(streams, "has_console", lambda: True)
    monkeypatch.setattr("getpass.getpass", typed)
    before = signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(interrupted.set))
    terminal = Terminal()
    asking = asyncio.create_task(terminal.ask(Input(0, "Password: ", True)))
    try:
        await asyncio.wait_for(interrupted.wait(), 10)
        assert not terminal.is_reading
    finally:
        signal.signal(signal.SIGINT, before)
        asking.cancel()
        await asyncio.wait({asking})


async def test_a_password_from_a_pipe_is_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "typed").write_text("secret word\n", encoding="utf-8")
    with (tmp_path / "typed").open(encoding="utf-8") as typed:
        monkeypatch.setattr(sys, "stdin", typed)
        assert await Terminal().ask(Input(0, "Password: ", True)) == "secret word"
