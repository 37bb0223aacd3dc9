"""A stopped server: what starts it, what does not, and what is stopped again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from frontend import Cell
from kernels import StartKernel, calls

from engee_kernel.api.transport import CLOCK_MARGIN_S
from engee_kernel.emulator.process import LocalEngee

START, STOP, INFO = "engee/start", "engee/stop", "engee/info"


@pytest.fixture
def engee(local_engee: LocalEngee) -> Iterator[LocalEngee]:
    """The shared one with a stopped server; one that would start for ever is stopped in the end."""
    assert command(local_engee, "stop").returncode == 0
    yield local_engee
    local_engee.configure(start_time_s=0)
    assert command(local_engee, "stop").returncode == 0


def command(engee: LocalEngee, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "import sys; from engee_kernel.cli import main; sys.exit(main())", *words],
        env=os.environ | {"ENGEE_URL": engee.url, "ENGEE_TOKEN": engee.token, "PYTHONUTF8": "1"} | variables,
        capture_output=True,
        timeout=60,
        encoding="utf-8",
        check=False,
    )


def card_of(cell: Cell) -> str:
    return "\n".join(content["data"]["text/plain"] for content in cell.of("display_data"))


def test_opening_a_notebook_starts_nothing_and_asks_once(engee: LocalEngee, start_kernel: StartKernel) -> None:
    before = calls(engee, INFO)
    kernel = start_kernel(engee)
    kernel.ask("complete_request", code="sqr", cursor_pos=3)
    kernel.pause(4.0)
    assert calls(engee, START) == 0
    assert calls(engee, INFO) - before <= 1
    assert engee.julia_pid() is None


@pytest.mark.parametrize("mode", ["agent", "plain"])
def test_a_cell_starts_a_stopped_server(engee: LocalEngee, start_kernel: StartKernel, mode: str) -> None:
    engee.configure(start_time_s=3)
    kernel = start_kernel(engee, mode=mode)
    cell = kernel.run("6 * 7")
    assert cell.result == "42"
    assert calls(engee, START) == 1
    shown = [content["data"]["text/plain"] for content in cell.of("display_data", "update_display_data")]
    assert any("the Engee server is starting" in text for text in shown)
    assert [output["kind"] for output in cell.outputs] == ["execute_result"], "the progress has gone"


def test_auto_start_can_be_off(engee: LocalEngee, start_kernel: StartKernel) -> None:
    cell = start_kernel(engee, auto_start=False).run("1")
    assert cell.error["ename"] == "ServerNotRunningError"
    assert "%engee start" in cell.traceback
    assert calls(engee, START) == 0


def test_the_wait_for_a_start_has_a_bound(engee: LocalEngee, start_kernel: StartKernel) -> None:
    engee.configure(start_time_s=300)
    cell = start_kernel(engee, start_bound_s=2).run("1")
    assert "still starting after 2.0 s" in cell.error["evalue"]
    assert calls(engee, START) == 1


def test_an_interrupt_while_it_starts_gives_the_prompt_back(engee: LocalEngee, start_kernel: StartKernel) -> None:
    engee.configure(start_time_s=300)
    kernel = start_kernel(engee)
    cell = kernel.send("1")
    kernel.until(lambda: calls(engee, START) == 1)
    kernel.interrupt()
    kernel.finish(cell, 10)
    assert "it was not run" in cell.error["evalue"]


def test_a_server_that_is_stopping_is_started_when_it_has_stopped(
    local_engee: LocalEngee, start_kernel: StartKernel
) -> None:
    local_engee.configure(stop_time_s=2)
    kernel = start_kernel(local_engee)
    kernel.run("1")
    assert json.loads(command(local_engee, "stop", "--no-wait", "--json").stdout)["status"] == "stopping"
    kernel = start_kernel(local_engee)
    assert kernel.value("2") == "2"


def test_in_plain_mode_too_lost_variables_are_told(local_engee: LocalEngee, start_kernel: StartKernel) -> None:
    kernel = start_kernel(local_engee, mode="plain")
    assert kernel.value("x = 5") == "5"
    command(local_engee, "stop")
    # a server that stopped just now might have begun with the cell; Engee tells its time to a second only
    kernel.pause(CLOCK_MARGIN_S + 3)
    cell = kernel.run("1 + 1")
    assert cell.result == "2"
    assert "the variables are gone" in cell.text("stderr")
    assert "gone" not in kernel.run("1 + 1").text("stderr")


# Stopping with the kernel


def status(engee: LocalEngee) -> str:
    return str(json.loads(command(engee, "status", "--json").stdout)["status"])


def test_stop_on_shutdown_stops_what_the_kernel_started(engee: LocalEngee, start_kernel: StartKernel) -> None:
    kernel = start_kernel(engee, stop_on_shutdown=True)
    assert kernel.value("1") == "1"
    kernel.run("%config poll_wait_s = 5")  # a reconnect does not make it forget
    kernel.end()
    assert status(engee) == "stopped"


def test_by_default_nothing_is_stopped(engee: LocalEngee, start_kernel: StartKernel) -> None:
    kernel = start_kernel(engee)
    assert kernel.value("1") == "1"
    kernel.end()
    assert status(engee) == "running"


def test_stop_on_shutdown_leaves_what_others_started(local_engee: LocalEngee, start_kernel: StartKernel) -> None:
    kernel = start_kernel(local_engee, stop_on_shutdown=True)
    assert kernel.value("1") == "1"
    kernel.end()
    assert status(local_engee) == "running"


def test_stop_on_shutdown_leaves_a_server_that_others_started_since(
    engee: LocalEngee, start_kernel: StartKernel
) -> None:
    kernel = start_kernel(engee, stop_on_shutdown=True)
    assert kernel.value("1") == "1"
    command(engee, "stop")
    command(engee, "start")
    kernel.end()
    assert status(engee) == "running"


# The magics


def test_engee_shows_starts_stops_and_restarts(local_engee: LocalEngee, start_kernel: StartKernel) -> None:
    local_engee.configure(session_limit_s=7200, inactivity_timeout_s=1800)
    kernel = start_kernel(local_engee)
    card = card_of(kernel.run("%engee"))
    for expected in ("running", "demo", "Julia", "ENGEE_TOKEN", "memory", "stops itself"):
        assert expected in card
    assert "when this session's time is over" in card
    kernel.run("x = 1;")
    restart = kernel.run("%engee restart")
    assert "variables are gone" in restart.text("stderr")
    assert "running" in card_of(restart)
    assert kernel.run("x").error["ename"] == "UndefVarError"
    stop = kernel.run("%engee stop")
    assert "stopped" in card_of(stop) and "variables are gone" in stop.text("stderr")
    assert "stopped" in card_of(kernel.run("%engee status"))
    assert local_engee.julia_pid() is None
    start = kernel.run("%engee start --timeout 20")
    assert "in 20 min 00 s if nobody uses it" in card_of(start) or "in 19 min" in card_of(start)
    assert kernel.value("1 + 1") == "2"


def test_a_restart_mends_a_token_that_is_too_young(local_engee: LocalEngee, start_kernel: StartKernel) -> None:
    kernel = start_kernel(local_engee, token=local_engee.make_token()["token"])
    young = kernel.run("1")
    assert young.error["ename"] == "TokenTooYoungError"
    assert "%engee restart" in young.traceback
    assert kernel.run("%engee restart").status == "ok"
    assert kernel.value("1") == "1"


def test_metrics_once_and_live(local_engee: LocalEngee, start_kernel: StartKernel) -> None:
    kernel = start_kernel(local_engee)
    assert "memory of Julia" in card_of(kernel.run("%metrics"))
    live = kernel.run("%metrics --live 2.5")
    assert len(live.of("update_display_data")) >= 2
    assert len(live.outputs) == 1
    endless = kernel.send("%metrics --live")
    kernel.until(lambda: len(endless.of("update_display_data")) >= 1)
    kernel.interrupt()
    kernel.finish(endless, 10)
    assert endless.status == "ok", endless.traceback
    assert kernel.value("3") == "3"


def test_metrics_without_the_agent_and_without_a_server(local_engee: LocalEngee, start_kernel: StartKernel) -> None:
    kernel = start_kernel(local_engee, mode="plain")
    assert "memory of Julia" in card_of(kernel.run("%metrics"))
    command(local_engee, "stop")
    assert "%engee start" in kernel.run("%metrics").traceback
    assert local_engee.julia_pid() is None


@pytest.mark.parametrize("line", ["%engee dance", "%metrics --live soon", "%engee start --timeout 0"])
def test_wrong_arguments_are_explained(local_engee: LocalEngee, start_kernel: StartKernel, line: str) -> None:
    assert start_kernel(local_engee).run(line).error["ename"] == "UsageError"


# The command line


def test_commands_for_scripts(engee: LocalEngee) -> None:
    assert json.loads(command(engee, "stop", "--json").stdout)["stopped"] is False
    assert json.loads(command(engee, "start", "--json").stdout)["started"] is True
    assert json.loads(command(engee, "start", "--json").stdout)["started"] is False
    assert json.loads(command(engee, "stop", "--json").stdout) | {"since": None} == {
        "stopped": True,
        "status": "stopped",
        "since": None,
        "username": "demo",
        "server": "local-demo",
        "stops_itself_in_s": None,
        "inactivity_left_s": None,
        "session_left_s": None,
        "token_source": None,
    }


def test_a_start_that_takes_too_long_fails(engee: LocalEngee) -> None:
    engee.configure(start_time_s=300)
    began = time.monotonic()
    done = command(engee, "start", "--wait", "1")
    assert done.returncode == 1
    assert "still starting" in done.stderr
    assert time.monotonic() - began < 50
