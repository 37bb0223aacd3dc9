"""Values on a network and a server that have limits and failures: they arrive all the same, once, or it is said."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import numpy as np
import pytest
from exchanger import Exchanger

from engee_kernel.emulator.process import LocalEngee
from engee_kernel.facts.errors import AgentUnavailableError, SessionLostError

pytestmark = pytest.mark.julia

EVAL = "command/eval"
UPLOAD = "file/upload"
DOWNLOAD = "file/download"


@pytest.fixture
def calm(exchanger: Exchanger, shared_local_engee: LocalEngee) -> Iterator[LocalEngee]:
    """The local Engee of `exchanger`, its agent installed; faults end with the test."""
    exchanger.put(warm=1)
    yield shared_local_engee
    shared_local_engee.faults()
    shared_local_engee.reset()


def left_behind(engee: LocalEngee) -> list[str]:
    return [name for name in os.listdir(engee.user_dir) if "engee" in name]  # noqa: PTH208


LARGE = np.random.default_rng(3).random(500_000)
SMALL = np.random.default_rng(4).random(2_000)


@pytest.mark.parametrize("array", [SMALL, LARGE], ids=["small", "large"])
def test_lost_replies(calm: LocalEngee, exchanger: Exchanger, array: np.ndarray) -> None:
    calm.faults({"kind": "drop_after", "path": EVAL, "probability": 0.4}, seed=7)
    assert np.array_equal(exchanger.round_trip(array), array)
    calm.faults()
    assert left_behind(calm) == []


def test_files_can_not_be_used(calm: LocalEngee, exchanger: Exchanger) -> None:
    calm.faults({"kind": "status", "path": UPLOAD, "status": 403}, {"kind": "status", "path": DOWNLOAD, "status": 404})
    assert np.array_equal(exchanger.round_trip(LARGE[:100_000]), LARGE[:100_000])
    assert left_behind(calm) == []
    assert np.array_equal(exchanger.value("collect(1.0:400_000)"), np.arange(1.0, 400_001))
    assert left_behind(calm) == []


def test_what_travels_as_a_file_leaves_none(calm: LocalEngee, exchanger: Exchanger) -> None:
    before = len(calm.requests())
    assert np.array_equal(exchanger.round_trip(LARGE), LARGE)
    paths = " ".join(str(request) for request in calm.requests()[before:])
    assert UPLOAD in paths
    assert DOWNLOAD in paths
    assert left_behind(calm) == []


def test_a_limit_on_commands(calm: LocalEngee, exchanger: Exchanger) -> None:
    calm.configure(code_limit_bytes=20_000)
    calm.faults({"kind": "status", "path": UPLOAD, "status": 403})
    array = LARGE[:40_000]
    assert np.array_equal(exchanger.round_trip(array), array)


def test_a_limit_on_results(calm: LocalEngee, exchanger: Exchanger) -> None:
    calm.configure(result_limit_chars=20_000)
    assert np.array_equal(exchanger.round_trip(LARGE[:20_000]), LARGE[:20_000])


@pytest.mark.parametrize("settings", [{"strings": "quoted"}, {"evals": "serial"}])
def test_other_servers(calm: LocalEngee, exchanger: Exchanger, settings: dict[str, str]) -> None:
    calm.configure(**settings)
    value = {"текст": '"\\$', "n": [1, 2]}
    came = exchanger.round_trip(value)
    assert came["текст"] == value["текст"]
    assert came["n"].tolist() == [1, 2]


def test_a_new_session_is_told_and_then_used(local_engee_factory: object) -> None:
    engee = local_engee_factory()  # type: ignore[operator]
    exchanger = Exchanger(engee)
    try:
        exchanger.put(a=1)
        engee.kill_julia()
        with pytest.raises(SessionLostError, match="variables are gone"):
            exchanger.put(b=2)
        exchanger.put(b=3)
        assert exchanger.get("b") == {"b": 3}
    finally:
        exchanger.close()


def test_plain_mode(calm: LocalEngee, exchanger: Exchanger) -> None:
    plain = Exchanger(calm)
    try:
        plain.session.options = type(plain.session.options)(mode="plain")
        with pytest.raises(AgentUnavailableError, match="plain"):
            plain.put(a=1)
    finally:
        plain.close()


def test_given_up_in_the_middle(calm: LocalEngee, exchanger: Exchanger) -> None:
    """What an interrupt does to a transfer: it ends soon and leaves no file."""
    calm.faults({"kind": "latency", "path": UPLOAD, "delay_s": 30})

    async def interrupted() -> None:
        from engee_kernel import exchange  # noqa: PLC0415
        from engee_kernel.exchange import variables  # noqa: PLC0415

        sending = asyncio.create_task(variables.put(exchanger.session, exchange.encode({"a": LARGE})))
        await asyncio.sleep(0.5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(sending, 15)

    exchanger._wait(interrupted())
    calm.faults()
    assert left_behind(calm) == []
    assert exchanger.round_trip(1) == 1
