"""What is queued behind an error is aborted, what is sent in the knowledge of it runs."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from frontend import Cell, Frontend
from hypothesis import given
from hypothesis import strategies as st

from engee_kernel.jupyter.arrivals import KEPT_CLIENTS, KEPT_DIFFERENCES, Arrivals

HOUR = timedelta(hours=1)


class Client:
    """A client of its own on the kernel's front end: with its own clock, or none; `coarse`: in milliseconds."""

    def __init__(self, kernel: Frontend, clock_off: timedelta | None = timedelta(0), *, coarse: bool = False) -> None:
        self._kernel = kernel
        self._clock_off = clock_off
        self._coarse = coarse
        self._session = str(uuid.uuid4())

    def send(self, code: str, **options: Any) -> Cell:
        content = {"code": code, "silent": False, "allow_stdin": False, "stop_on_error": True} | options
        date = None if self._clock_off is None else datetime.now(timezone.utc) + self._clock_off
        if date is not None and self._coarse:
            date = date.replace(microsecond=date.microsecond // 1000 * 1000)
        return self._kernel.request("execute_request", {"date": date, "session": self._session}, **content)

    def fail_in_front_of(self, count: int) -> tuple[Cell, list[Cell]]:
        # what has no date has to be here in time
        failing = self.send(f'sleep({1 if self._clock_off is None else 0.05}); error("x")')
        queued = [self.send("ran += 1") for _ in range(count)]
        for cell in (failing, *queued):
            self._kernel.finish(cell)
        return failing, queued


CLOCKS = {"as ours": timedelta(0), "behind": -HOUR, "ahead": HOUR, "none": None}


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["plain", "agent"])
def test_an_error_aborts_all_that_is_queued_and_not_the_cell_after(request: pytest.FixtureRequest, mode: str) -> None:
    kernel: Frontend = request.getfixturevalue(mode)
    client = Client(kernel)
    kernel.run("ran = 0;")
    for turn in range(20):
        failing, queued = client.fail_in_front_of(50)
        assert failing.status == "error"
        assert [cell.status for cell in queued] == ["aborted"] * 50, f"turn {turn}"
        assert [cell.states for cell in queued] == [["busy", "idle"]] * 50
        after = kernel.finish(client.send("ran"))
        assert (after.status, after.result) == ("ok", "0"), f"turn {turn}"


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("coarse", [False, True])
def test_with_any_clock(agent: Frontend, clock: str, coarse: bool) -> None:
    client = Client(agent, CLOCKS[clock], coarse=coarse)
    agent.run("ran = 0;")
    for turn in range(5):
        _, queued = client.fail_in_front_of(20)
        assert [cell.status for cell in queued] == ["aborted"] * 20, f"turn {turn}"
        after = agent.finish(client.send("ran"))
        assert (after.status, after.result) == ("ok", "0"), f"turn {turn}"


@pytest.mark.parametrize("code", ["sqrt(-1)", "%nosuch", "%cat /user/nosuch"])
def test_the_cell_that_is_sent_at_once_behind_any_error_runs(kernel: Frontend, code: str) -> None:
    for turn in range(10):
        assert kernel.run(code).status == "error"
        assert kernel.run("1 + 1").status == "ok", f"turn {turn}"


def test_two_clients_whose_clocks_differ(agent: Frontend) -> None:
    one, other = Client(agent, HOUR), Client(agent, -HOUR)
    for client in (one, other, one):
        client.fail_in_front_of(1)
        for asking in (one, other):
            assert agent.finish(asking.send("1")).status == "ok"


# By form: a client whose way to the kernel takes what it takes, on a clock that is off

WAYS_S = st.floats(0.0, 0.3)


def header(sent: float, session: str = "s") -> dict[str, Any]:
    return {"date": datetime.fromtimestamp(sent, timezone.utc), "session": session}


@given(st.floats(-1e6, 1e6), st.lists(WAYS_S, min_size=1, max_size=20), WAYS_S, WAYS_S)
def test_what_answers_an_error_is_never_aborted(off: float, ways: list[float], back: float, there: float) -> None:
    arrivals = Arrivals()
    now = 1_000_000.0
    for way in ways:
        now += 1.0
        arrivals.note(header(now + off, "s"), now + way)
    replied_at = now + 1.0
    sent = replied_at + back
    # datetime keeps microseconds only
    assert not arrivals.note(header(sent + off + 2e-6), sent + there + 2e-6).was_blind(replied_at)


@given(st.floats(-1e6, 1e6), WAYS_S, st.floats(0.002, 5.0), st.floats(0.0, 4.0))
def test_what_was_sent_before_is_aborted_however_late_it_comes(
    off: float, way: float, before: float, late: float
) -> None:
    arrivals = Arrivals()
    arrivals.note(header(1_000_000.0 + off), 1_000_000.0 + way)
    replied_at = 1_000_010.0 + way
    sent = 1_000_010.0 - before
    assert arrivals.note(header(sent + off), replied_at + late).was_blind(replied_at)


def test_a_clock_that_is_set_back_is_off_for_a_moment_only() -> None:
    arrivals = Arrivals()
    arrivals.note(header(5000.0), 5000.0)
    for number in range(KEPT_DIFFERENCES):
        at = 6000.0 + number
        assert not arrivals.note(header(at - 3600), at).was_blind(at - 11)
    assert not arrivals.note(header(7000.0 - 3600), 7000.0).was_blind(6999.0)


def test_few_clients_are_kept() -> None:
    arrivals = Arrivals()
    for number in range(KEPT_CLIENTS + 5):
        arrivals.note(header(5000.0, str(number)), 5000.0)
    assert len(arrivals._differences) == KEPT_CLIENTS
