"""What happens between a kernel's start and its first cell: the agent is on its way while Python is still loading."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from factories import environment_of
from frontend import Frontend, KernelFactory

from engee_kernel.emulator.process import LocalEngee

INFO = "/account/api/engee/info"
EVAL = "/external/command/eval"
INSTALL_BYTES = 50_000

# A kernel's start up to the point where its Python would be loaded. Prints what the head start's own thread imported.
IMPORTS = """
import asyncio, json, sys, threading

class Watch:
    found = []
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is not threading.main_thread():
            self.found.append(name)

from engee_kernel.api import leave_out_httpx_command
leave_out_httpx_command()
from engee_kernel.jupyter import early
sys.meta_path.insert(0, Watch())
begun = early.begin(json.loads(sys.argv[1]))
installed = begun.head_start is not None and asyncio.run(begun.head_start.found()).remote is not None
print(json.dumps([installed, Watch.found]))
"""

# Prints for how long a kernel's start waits until the agent is on its way, at most as many seconds as are given.
WAITS = """
import sys, time

from engee_kernel.api import leave_out_httpx_command
leave_out_httpx_command()
from engee_kernel.jupyter import early
begun = early.begin([])
before = time.monotonic()
begun.head_start.wait_until_sent(float(sys.argv[1]))
print(time.monotonic() - before)
"""
LONG_S = 60.0


def printed(script: str, argument: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, argument],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def begin(engee: LocalEngee, *arguments: str, **settings: str) -> tuple[bool, list[str]]:
    """Whether a head start installed the agent, and which modules its thread loaded."""
    installed, modules = json.loads(printed(IMPORTS, json.dumps(arguments), environment_of(engee, settings)))
    return bool(installed), list(modules)


def installs(engee: LocalEngee) -> int:
    return sum(call["path"].endswith(EVAL) and call["received_bytes"] > INSTALL_BYTES for call in engee.requests())


def test_the_thread_loads_nothing_while_the_kernel_does(local_engee: LocalEngee) -> None:
    """Before Python 3.13 a package that two threads import at once can fail in one of them."""
    assert begin(local_engee) == (True, [])


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [((), {"mode": "plain"}), (("--EngeeSettings.mode=plain",), {}), ((), {"url": "no address"}), ((), {"token": ""})],
    ids=["plain mode", "command line", "bad address", "no token"],
)
def test_no_head_start(local_engee: LocalEngee, arguments: tuple[str, ...], settings: dict[str, str]) -> None:
    installed, _ = begin(local_engee, *arguments, **settings)
    assert not installed and not installs(local_engee)


def waited_s(environment: dict[str, str], bound_s: float) -> float:
    return float(printed(WAITS, str(bound_s), environment))


def test_a_start_waits_until_the_agent_is_sent_or_nothing_will_be(
    local_engee: LocalEngee, local_engee_factory: Callable[..., LocalEngee]
) -> None:
    assert waited_s(environment_of(local_engee, {}), LONG_S) < LONG_S
    assert waited_s(environment_of(local_engee_factory(stopped=True), {}), LONG_S) < LONG_S


def test_a_start_does_not_wait_for_an_engee_that_is_silent(local_engee: LocalEngee) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert 0.1 <= waited_s({**environment_of(local_engee, {}), "ENGEE_URL": url}, 0.1) < LONG_S


def test_the_agent_is_there_before_a_cell(local_engee: LocalEngee, kernel_factory: KernelFactory) -> None:
    local_engee.reset(new_session=True)
    kernel = kernel_factory(local_engee, mode="agent")
    assert kernel.run("1+1", timeout_s=120).result == "2"
    evals = [call for call in local_engee.requests() if call["path"].endswith(EVAL)]
    assert installs(local_engee) == 1 and evals[0]["received_bytes"] > INSTALL_BYTES
    other = kernel_factory(local_engee, mode="agent")
    assert other.run("1+1", timeout_s=60).result == "2"


def test_another_engee_that_the_first_cell_names(
    local_engee: LocalEngee, kernel_factory: KernelFactory, tmp_path: Path
) -> None:
    """What was begun for one Engee is not taken for another's."""
    with LocalEngee(tmp_path / "user", token=local_engee.token) as other:
        kernel = kernel_factory(local_engee, mode="agent")
        cell = kernel.run(f"%config url = {other.url}\n1+1", timeout_s=120)
        assert cell.result == "2", cell
        assert installs(other) == 1


def test_a_config_file_is_run_once(local_engee: LocalEngee, tmp_path: Path) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    runs = tmp_path / "runs"
    (folder / "engee_kernel_config.py").write_text(
        f"with open({str(runs)!r}, 'a', encoding='utf-8') as file:\n    file.write('x')\n"
        "c.EngeeSettings.workspace = 'notebook'\n",
        encoding="utf-8",
    )
    environment = {**environment_of(local_engee, {}), "JUPYTER_CONFIG_DIR": str(folder)}
    with Frontend(tmp_path / "kernel", environment) as kernel:
        assert "Notebook" in str(kernel.run("string(@__MODULE__)", timeout_s=120).result)
    assert runs.read_text(encoding="utf-8") == "x"
