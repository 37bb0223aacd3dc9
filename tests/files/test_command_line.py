"""`engee-kernel upload` and `download` as programs."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engee_kernel.emulator.process import LocalEngee

from .conftest import left_behind, tree

GIB = 1 << 30
LIMIT_S = 300
FLAT_MIB = 150

# prints the peak of its resident memory, in KiB, as the last line of stderr. Linux hands getrusage's figure on from
# the process that started this one, so it is asked for this program's own
MEASURED = """
import re, sys
from pathlib import Path
from engee_kernel.cli import main
code = main(sys.argv[1:])
if sys.platform == "linux":
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
elif sys.platform == "win32":
    import psutil
    peak = psutil.Process().memory_info().peak_wset // 1024
else:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = peak if sys.platform != "darwin" else peak // 1024
print(peak, file=sys.stderr)
sys.exit(code)
"""

HOMES = ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "JUPYTER_CONFIG_DIR")
PROGRAM = "import sys; from engee_kernel.cli import main; sys.exit(main())"


@pytest.fixture
def environment(local_engee: LocalEngee, tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ENGEE_", "JUPYTER_"))}
    home = {name: str(tmp_path / "home") for name in HOMES}
    return (
        kept
        | home
        | {
            "ENGEE_URL": local_engee.url,
            "ENGEE_TOKEN": local_engee.token,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "PYTHONIOENCODING": "utf-8",
        }
    )


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def engee_kernel(environment: dict[str, str], user: Path, here: Path) -> Run:
    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", MEASURED, *words]
        return subprocess.run(
            command,
            env=environment | more,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=LIMIT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    return run


def test_up_and_down_again(engee_kernel: Run, user: Path, here: Path) -> None:
    (here / "d").mkdir()
    (here / "d" / "отчёт 1.csv").write_bytes(b"1;2")
    up = engee_kernel("upload", "-r", "d", "--to", "копия")
    assert up.returncode == 0, up.stderr
    assert tree(user) == {"копия": None, "копия/d": None, "копия/d/отчёт 1.csv": b"1;2"}
    assert "checksum agrees" in up.stdout
    down = engee_kernel("download", "-r", "копия", "./back/", "--json")
    assert down.returncode == 0, down.stderr
    assert tree(here / "back") == tree(user)
    (file,) = json.loads(down.stdout)["files"]
    assert file["remote"] == "/user/копия/d/отчёт 1.csv"
    assert file["sha256"] == hashlib.sha256(b"1;2").hexdigest()
    assert file["compared"] is True


def test_exit_codes_tell_usage_from_failure(engee_kernel: Run, local_engee: LocalEngee, user: Path, here: Path) -> None:
    missing = engee_kernel("upload", "нет.csv")
    assert missing.returncode == 2
    assert "нет.csv" in missing.stderr
    (here / "a.txt").write_bytes(b"1")
    local_engee.faults({"kind": "status", "path": "file/upload", "status": 413})
    refused = engee_kernel("upload", "a.txt")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert left_behind(user) == []


def test_a_stopped_server_is_not_started(engee_kernel: Run, local_engee: LocalEngee, here: Path) -> None:
    (here / "a.txt").write_bytes(b"1")
    local_engee.configure(stopped_status=503)
    stop(local_engee)
    done = engee_kernel("upload", "a.txt")
    assert done.returncode == 1
    assert "engee-kernel start" in done.stderr
    assert local_engee.control("GET", "state")["status"] == "stopped"


def test_plain_mode_on_the_command_line(engee_kernel: Run, user: Path, here: Path) -> None:
    (here / "a.txt").write_bytes(b"1")
    done = engee_kernel("upload", "a.txt", ENGEE_MODE="plain")
    assert done.returncode == 0, done.stderr
    assert "could not be compared" in done.stdout
    assert tree(user) == {"a.txt": b"1"}


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of POSIX")
def test_a_terminal_gets_a_bar_and_a_pipe_none(
    environment: dict[str, str], engee_kernel: Run, local_engee: LocalEngee, user: Path, here: Path
) -> None:
    fcntl, pty, termios = map(importlib.import_module, ("fcntl", "pty", "termios"))  # not on Windows
    (here / "a.bin").write_bytes(os.urandom(2_000_000))
    local_engee.faults({"kind": "latency", "path": "command/eval", "contains": ":sha256,", "delay_s": 1.5})
    assert "\r" not in engee_kernel("upload", "a.bin").stderr
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-c", PROGRAM, "upload", "a.bin"]
    process = subprocess.Popen(command, env=environment, stderr=theirs, stdout=subprocess.DEVNULL)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the terminal's other end was closed
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert process.wait(60) == 0
    assert "a.bin: 100%" in shown.decode(errors="replace")
    assert "comparing checksums" in shown.decode(errors="replace")


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent otherwise there; the code is the same")
@pytest.mark.parametrize("verb", ["upload", "download"])
def test_control_c_leaves_nothing(
    environment: dict[str, str], local_engee: LocalEngee, user: Path, here: Path, verb: str
) -> None:
    import signal  # noqa: PLC0415

    ((here if verb == "upload" else user) / "a.bin").write_bytes(os.urandom(2_000_000))
    before = tree(user), tree(here)
    local_engee.faults({"kind": "latency", "path": "command/eval", "contains": ":sha256,", "delay_s": 60.0})
    command = [sys.executable, "-c", PROGRAM, verb, "a.bin"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not (left_behind(user) or left_behind(here)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert b"Traceback" not in errors
    assert (tree(user), tree(here)) == before


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_gibibyte_goes_up_and_down_with_flat_memory(engee_kernel: Run, user: Path, here: Path) -> None:
    big = here / "big.bin"
    with big.open("wb") as file:
        file.write(os.urandom(1 << 20))
        file.truncate(GIB)
    up = engee_kernel("upload", "big.bin", "--json")
    assert up.returncode == 0, up.stderr
    assert peak_mib(up) < FLAT_MIB
    big.unlink()
    down = engee_kernel("download", "big.bin", "--json")
    assert down.returncode == 0, down.stderr
    assert peak_mib(down) < FLAT_MIB
    assert digest(big) == json.loads(up.stdout)["files"][0]["sha256"] == json.loads(down.stdout)["files"][0]["sha256"]
    assert big.stat().st_size == GIB


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_files_together_larger_than_a_batch(engee_kernel: Run, user: Path, here: Path) -> None:
    for number in range(12):
        (here / f"{number}.bin").write_bytes(os.urandom(1000) * 20_000)  # 240 MB in all
    up = engee_kernel("upload", "*.bin", "--to", "many", "--json")
    assert up.returncode == 0, up.stderr
    down = engee_kernel("download", "many/*.bin", "--to", "back", "--json")
    assert down.returncode == 0, down.stderr
    assert peak_mib(up) < FLAT_MIB
    assert peak_mib(down) < FLAT_MIB
    assert {name: digest(here / "back" / name) for name in tree(here / "back")} == {
        path.name: digest(path) for path in here.glob("*.bin")
    }


def peak_mib(done: subprocess.CompletedProcess[str]) -> float:
    return int(done.stderr.splitlines()[-1]) / 1024


def digest(path: Path) -> str:
    made = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            made.update(piece)
    return made.hexdigest()


def stop(engee: LocalEngee) -> None:
    import httpx  # noqa: PLC0415

    headers = {"Authorization": f"Bearer {engee.token}"}
    with httpx.Client(headers=headers, trust_env=False, timeout=30) as http:
        http.delete(f"{engee.url}/account/api/engee/stop").raise_for_status()
        deadline = time.monotonic() + 30
        while http.get(f"{engee.url}/account/api/engee/info").json()["serverStatus"] != "stopped":
            assert time.monotonic() < deadline
            time.sleep(0.05)
