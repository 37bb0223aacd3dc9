"""The program around it: start, ready file, and that nothing is left behind however it ends."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import psutil
import pytest

import engee_kernel.emulator
from engee_kernel.emulator.process import LocalEngee, LocalEngeeError
from engee_kernel.emulator.userfolder import mounted_user_folder

SOURCES = Path(engee_kernel.emulator.__file__).parent
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


def everything_started_by(engee):
    return psutil.Process(engee.process.pid).children(recursive=True)


def assert_all_gone(processes):
    _, left = psutil.wait_procs(processes, timeout=15)
    assert left == []


def busy_julia(engee):
    """Julia in a loop that never yields, with a program of its own running."""

    def call():
        try:
            httpx.post(
                f"{engee.session_url}external/command/eval",
                json={"command": 'run(`sleep 1000`; wait=false); write("/user/busy", "1"); while true end'},
                headers={"Authorization": f"Bearer {engee.token}"},
                timeout=60,
                trust_env=False,
            )
        except httpx.TransportError:
            pass  # the end of the local Engee is the point

    thread = threading.Thread(target=call)
    thread.start()
    while not (engee.user_dir / "busy").exists():
        thread.join(0.05)
    return thread


@posix_only
@pytest.mark.julia
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
def test_nothing_is_left_behind(julia, name):
    engee = LocalEngee().start()
    thread = busy_julia(engee)
    started = everything_started_by(engee)
    assert {"julia", "sleep"} <= {process.name() for process in started}
    os.kill(engee.pid, getattr(signal, name))
    code = engee.process.wait(20)
    thread.join(30)
    assert_all_gone(started)
    assert not engee.session_log.parent.exists(), "nor its temporary files"
    assert code == (-signal.SIGKILL if name == "SIGKILL" else 0)
    assert "Traceback" not in engee.output
    engee.close()


@posix_only
@pytest.mark.julia
def test_a_signal_while_julia_starts(julia, tmp_path):
    command = [sys.executable, "-m", "engee_kernel.emulator", "--user-dir", str(tmp_path / "user")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    parent = psutil.Process(process.pid)
    while not (started := parent.children(recursive=True)):
        assert process.poll() is None
    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert b"Traceback" not in output
    assert_all_gone(started)


@pytest.mark.julia
def test_what_it_prints_and_writes(local_engee_factory, tmp_path):
    engee = local_engee_factory(user_dir=tmp_path / "ы" / "user")
    lines = engee.output.splitlines()
    set_words = ("$env:ENGEE_URL = ", "$env:ENGEE_TOKEN = ") if os.name == "nt" else ("export ENGEE_", "export ENGEE_")
    assert sum(line.startswith(set_words) for line in lines) == 2
    assert f"ENGEE_URL={engee.url}" in engee.output.replace('"', "").replace(" = ", "=")
    assert engee.user_dir == tmp_path / "ы" / "user"
    page = re.search(r"http://\S+/account\?key=\S+", engee.output)[0]
    assert httpx.get(page, follow_redirects=True, trust_env=False).status_code == 200
    assert "control_key" not in repr(engee)
    assert engee.token not in repr(engee)


@posix_only
@pytest.mark.julia
def test_the_ready_file_is_private_and_goes_with_the_server(julia, tmp_path):
    ready = tmp_path / "ready.json"
    places = ["--ready-file", str(ready), "--user-dir", str(tmp_path / "user"), "--stopped"]
    process = subprocess.Popen([sys.executable, "-m", "engee_kernel.emulator", *places], stdout=subprocess.DEVNULL)
    while not ready.exists():
        assert process.poll() is None
    assert stat.S_IMODE(ready.stat().st_mode) == 0o600
    assert json.loads(ready.read_text(encoding="utf-8"))["pid"] == process.pid
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert list(tmp_path.iterdir()) == [tmp_path / "user"]


@pytest.mark.julia
def test_it_ends_with_who_started_it(julia, tmp_path):
    """A test run that is killed closes nothing."""
    code = (
        "import sys, time\n"
        "from engee_kernel.emulator.process import LocalEngee\n"
        "engee = LocalEngee().start()\n"
        "print(engee.pid, engee.julia_pid(), flush=True)\n"
        "time.sleep(600)\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    left = [psutil.Process(int(number)) for number in starter.stdout.readline().split()]
    starter.kill()
    starter.wait(20)
    starter.stdout.close()
    gone, alive = psutil.wait_procs(left, timeout=30)
    assert len(gone) == 2 and not alive


@pytest.mark.julia
def test_a_port_that_is_taken(julia):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        engee = LocalEngee(port=port, stopped=True)
        with pytest.raises(LocalEngeeError, match=f"Port {port} cannot be used"):
            engee.start()


def test_a_julia_that_is_none(tmp_path):
    with pytest.raises(LocalEngeeError, match=r"--julia names .*, which is not a program"):
        LocalEngee(julia=tmp_path / "none").start()


@posix_only
def test_a_julia_that_fails_to_start(tmp_path):
    broken = tmp_path / "julia"
    broken.write_text("#!/bin/sh\necho the library is missing >&2\nexit 7\n", encoding="utf-8")
    broken.chmod(0o755)
    engee = LocalEngee(julia=broken)
    with pytest.raises(LocalEngeeError, match=r"Julia ended with code 7 while it started.\nthe library is missing"):
        engee.start()
    assert "Traceback" not in engee.output


@pytest.mark.skipif(sys.platform != "linux", reason="mount namespaces")
def test_without_namespaces_the_folder_is_not_mounted(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "root").mkdir()
    folder = mounted_user_folder(tmp_path, tmp_path / "root")
    assert not folder.is_mounted
    assert folder.path_in_julia == str(tmp_path.resolve())


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("unshare") is None, reason="mount namespaces")
@pytest.mark.julia
def test_where_user_cannot_be_mounted_it_says_so_and_goes_on(julia, tmp_path, monkeypatch):
    """A PATH without unshare stands for a machine where namespaces are switched off."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "readlink"):
        (programs / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("ENGEE_JULIA", str(julia))
    monkeypatch.setenv("PATH", str(programs))
    with LocalEngee() as engee:
        assert not engee.user_is_mounted
        assert 'ENV["ENGEE_USER_DIR"]' in engee.output
        reply = httpx.post(
            f"{engee.session_url}external/command/eval",
            json={"command": 'pwd() == ENV["ENGEE_USER_DIR"]'},
            headers={"Authorization": f"Bearer {engee.token}"},
            timeout=30,
            trust_env=False,
        )
        assert reply.json() == {"result": "true"}


def test_the_emulator_imports_nothing_of_the_rest():
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert not name.startswith("engee_kernel") or name.startswith("engee_kernel.emulator"), (path, name)
