"""What the person sees when something is not in order: one clear error, its next step, and a kernel that lives on."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from frontend import Cell, Frontend, KernelFactory

from engee_kernel.api.client import EngeeClient
from engee_kernel.emulator.process import LocalEngee

MODES = pytest.mark.parametrize("mode", ["plain", "agent"])


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is bound and not listened on, so that nobody else gets it."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def assert_one_clear_error(cell: Cell, *words: str) -> None:
    """One error, in the reply too, with a sentence, a next step, and no trace of the kernel's own Python."""
    assert cell.status == "error"
    shown = [output for output in cell.outputs if output["kind"] != "stream"]
    assert [output["kind"] for output in shown] == ["error"], cell.outputs
    assert cell.content["traceback"] == cell.error["traceback"]
    for word in words:
        assert word in cell.traceback, cell.traceback
    for noise in ("Traceback (most recent call last)", "httpx", ".py", "<html"):
        assert noise not in cell.traceback
    assert len(cell.error["traceback"]) >= 2, f"no next step: {cell.traceback}"


@MODES
def test_no_token(kernel_factory: KernelFactory, local_engee: LocalEngee, mode: str) -> None:
    kernel = kernel_factory(local_engee, token="", mode=mode)
    for _ in range(2):
        cell = kernel.run("1+1")
        assert_one_clear_error(cell, "token", "personal account")
        assert cell.error["ename"] == "MissingTokenError"


@MODES
def test_a_mistyped_token(kernel_factory: KernelFactory, local_engee: LocalEngee, mode: str) -> None:
    kernel = kernel_factory(local_engee, token="mistyped-by-a-person", mode=mode)
    cell = kernel.run("1+1")
    assert_one_clear_error(cell, "does not accept the token", "personal account")
    assert cell.error["ename"] == "TokenRejectedError"
    assert not any("mistyped-by-a-person" in text for text in kernel.texts())


def test_a_token_that_can_be_none(kernel_factory: KernelFactory, local_engee: LocalEngee) -> None:
    kernel = kernel_factory(local_engee, token="два слова")
    cell = kernel.run("1+1")
    assert_one_clear_error(cell, "ENGEE_TOKEN", "printable")
    assert not any("два слова" in text for text in kernel.texts())


@MODES
def test_a_token_made_after_the_start(
    kernel_factory: KernelFactory, local_engee_factory: KernelFactory, mode: str
) -> None:
    engee = local_engee_factory()
    kernel = kernel_factory(engee, token=engee.make_token(kind="pat")["token"], mode=mode)
    cell = kernel.run("1+1")
    assert_one_clear_error(cell, "made after the server was started", "Restart")


@pytest.mark.slow
@MODES
def test_nobody_listens(kernel_factory: KernelFactory, closed_port: int, mode: str) -> None:
    kernel = kernel_factory(url=f"http://127.0.0.1:{closed_port}", token="some-token-of-mine", mode=mode)
    began = time.monotonic()
    cell = kernel.run("1+1", timeout_s=90)
    assert time.monotonic() - began < 40
    assert_one_clear_error(cell, "can't be reached", "ENGEE_URL")
    assert cell.error["ename"] == "UnreachableError"


@pytest.mark.parametrize("url", ["http://engee.example", "engee", "ftp://engee.com"])
def test_a_bad_address(kernel_factory: KernelFactory, url: str) -> None:
    kernel = kernel_factory(url=url, token="some-token-of-mine")
    assert_one_clear_error(kernel.run("1+1"), url.rpartition("//")[2])


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("mode", "turbo", "agent"), ("handoff_after_s", "soon", "a number"), ("auto_start", "perhaps", "true or false")],
)
def test_a_bad_setting_is_named(
    kernel_factory: KernelFactory, local_engee: LocalEngee, name: str, value: str, expected: str
) -> None:
    kernel = kernel_factory(local_engee, **{name: value})
    cell = kernel.run("1+1")
    assert_one_clear_error(cell, f"ENGEE_{name.upper()}", value)
    assert expected in cell.traceback.lower()


def test_without_a_network_the_kernel_starts_and_answers(kernel_factory: KernelFactory, closed_port: int) -> None:
    began = time.monotonic()
    kernel = kernel_factory(url=f"http://127.0.0.1:{closed_port}", token="some-token-of-mine")
    assert kernel.ask("kernel_info_request").content["status"] == "ok"
    assert kernel.control("kernel_info_request")["status"] == "ok"
    assert time.monotonic() - began < 15
    assert kernel.ask("complete_request", code="prin", cursor_pos=4).content["matches"] == []
    assert kernel.ask("is_complete_request", code="1 +").content["status"] == "unknown"


# The server


@MODES
def test_a_stopped_server_that_is_not_to_be_started(
    kernel_factory: KernelFactory, local_engee_factory: KernelFactory, mode: str
) -> None:
    engee: LocalEngee = local_engee_factory(stopped=True)  # type: ignore[assignment]
    kernel = kernel_factory(engee, mode=mode, auto_start=0)
    for _ in range(2):
        assert_one_clear_error(kernel.run("1+1"), "The Engee server is stopped", "Start it")
    assert not any(call["path"].endswith("/start") for call in engee.requests())
    kernel.ask("complete_request", code="prin", cursor_pos=4)
    engee_start(engee)
    assert kernel.run("1+1", timeout_s=120).result == "2", "mended: the next cell runs"


def engee_start(engee: LocalEngee) -> None:
    """Start the server behind the kernel's back, as with the button in the account."""

    async def start() -> None:
        async with EngeeClient(engee.url, engee.token) as client:
            await client.start()
            for _ in range(600):
                if (await client.status()).running:
                    return
                await asyncio.sleep(0.1)
            pytest.fail("the server did not start")

    asyncio.run(start())


@pytest.mark.slow
@MODES
def test_a_stopped_server_is_started_for_the_first_cell(
    kernel_factory: KernelFactory, local_engee_factory: KernelFactory, mode: str
) -> None:
    engee: LocalEngee = local_engee_factory(stopped=True, start_time=3)  # type: ignore[assignment]
    kernel = kernel_factory(engee, mode=mode)
    cell = kernel.run("x = 6 * 7", timeout_s=120)
    assert (cell.status, cell.result) == ("ok", "42")
    waits = [content["data"]["text/plain"] for content in cell.of("display_data", "update_display_data")]
    assert any("starting" in text for text in waits), waits
    assert [output["kind"] for output in cell.outputs if output["kind"] != "stream"] == ["execute_result"]
    assert len([call for call in engee.requests() if call["path"].endswith("/start")]) == 1
    assert kernel.value("x") == "42"


@MODES
def test_a_server_that_does_not_come_up_in_time(
    kernel_factory: KernelFactory, local_engee_factory: KernelFactory, mode: str
) -> None:
    engee = local_engee_factory(stopped=True, start_time=60)
    kernel = kernel_factory(engee, mode=mode, start_bound_s=2)
    assert_one_clear_error(kernel.run("1+1", timeout_s=30), "still starting after", "start_bound_s")


def count_lines(engee: LocalEngee, name: str) -> int:
    path = Path(engee.user_dir) / name
    return len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "fault", "first"),
    [
        ("plain", "kill_julia", True),
        ("plain", "stop_session", False),
        ("agent", "kill_julia", False),
        ("agent", "stop_session", True),
    ],
)
def test_a_session_that_ends_in_the_middle_of_a_cell(
    kernel_factory: KernelFactory, local_engee_factory: KernelFactory, mode: str, fault: str, first: bool
) -> None:
    """The cell is never run again by itself: a counter in /user, which outlives Julia, proves it."""
    engee: LocalEngee = local_engee_factory()  # type: ignore[assignment]
    kernel = kernel_factory(engee, mode=mode)
    if not first:
        kernel.run("kept = 1", timeout_s=120)
    else:
        kernel.pause(6 if mode == "agent" else 1)  # the agent is installed meanwhile
    engee.faults({"kind": fault, "path": "command/eval", "contains": "runs.txt", "delay_s": 0.7, "count": 1})
    cell = kernel.run(
        'open(io -> println(io, "ran"), joinpath(get(ENV, "ENGEE_USER_DIR", "/user"), "runs.txt"), "a"); sleep(30)',
        timeout_s=90,
    )
    assert_one_clear_error(cell)
    assert count_lines(engee, "runs.txt") == 1
    assert "was not run." not in cell.traceback
    assert "variables" in cell.traceback and "gone" in cell.traceback
    after = kernel.run("1+1", timeout_s=120)
    assert after.result == "2", after
    assert count_lines(engee, "runs.txt") == 1
    gone = kernel.run("kept")
    assert gone.error["ename"] == "UndefVarError"


@pytest.mark.slow
@MODES
def test_a_session_that_ended_between_two_cells(
    kernel_factory: KernelFactory, local_engee_factory: KernelFactory, mode: str
) -> None:
    engee: LocalEngee = local_engee_factory()  # type: ignore[assignment]
    kernel = kernel_factory(engee, mode=mode)
    kernel.run("kept = 1", timeout_s=120)
    engee.reset(new_session=True)
    cell = kernel.run("kept", timeout_s=60)
    assert cell.status == "error"
    if mode == "agent":
        assert_one_clear_error(cell, "variables are gone", "was not run")
    else:
        assert cell.error["ename"] == "UndefVarError"
    assert kernel.run("1+1", timeout_s=120).result == "2"


# Plain mode and the time limit of HTTP


@pytest.mark.parametrize("limit", ["proxy", "kernel"])
def test_a_cell_that_outlives_the_time_limit_is_sent_once(
    kernel_factory: KernelFactory, local_engee: LocalEngee, limit: str
) -> None:
    if limit == "proxy":
        local_engee.configure(eval_limit_s=1)
    kernel = kernel_factory(local_engee, mode="plain", eval_timeout_s=1 if limit == "kernel" else None)
    kernel.run("sent = 0")
    calls = len([call for call in local_engee.requests() if call["path"].endswith("eval")])
    cell = kernel.run("global sent += 1; sleep(3)")
    assert_one_clear_error(cell, "time limit", "not sent again", "%%job")
    after = [call for call in local_engee.requests() if call["path"].endswith("eval")]
    assert len(after) == calls + 1
    kernel.pause(3)
    assert kernel.value("sent") == "1"
    job = kernel.run("%%job\nglobal sent += 1; sleep(2); sent")
    assert job.result == "2"


def test_the_token_is_in_nothing_that_the_kernel_says(kernel_factory: KernelFactory, local_engee: LocalEngee) -> None:
    for mode in ("plain", "agent"):
        kernel: Frontend = kernel_factory(local_engee, mode=mode)
        local_engee.faults({"kind": "drop_after", "path": "external", "probability": 0.3}, seed=3)
        for code in ("1+1", "error(2)", "%%job\n3", "%nosuch", "keys(ENV)"):
            kernel.run(code, timeout_s=60)
        local_engee.faults()
        assert not any(local_engee.token in text for text in kernel.texts())
