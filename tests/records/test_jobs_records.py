"""What a job's record says, and ids that people type."""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engee_kernel.agent.dialogue import AgentMissingError, CellAnswer
from engee_kernel.api.wire import Job
from engee_kernel.cells.cell import Cell
from engee_kernel.facts.errors import AgentUnavailableError, CodeError, UsageError
from engee_kernel.facts.events import Done, Failure, Result
from engee_kernel.jobs.book import Row
from engee_kernel.jobs.table import add_filters, chosen, table
from engee_kernel.records.record import cell_number, outcome, read_record, resolve, short_ids

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def job(text: str | None = None, error: CodeError | None = None, status: str = "DONE") -> Job:
    return Job("id", None, status, NOW, NOW + timedelta(seconds=2), text, error)


def record(*events: dict[str, Any], state: str = "done") -> str:
    numbered = [{"n": number, **event} for number, event in enumerate(events, 1)]
    return json.dumps({"epoch": "e", "cell": "id", "state": state, "elapsed_s": 1.0, "events": numbered})


RESULT = {"t": "result", "data": {"text/plain": "42\nmore"}, "metadata": {}}
ERROR = {"t": "error", "type": "E", "short": "E()", "message": "bad", "frames": [], "full": "bad"}


@pytest.mark.parametrize(
    ("finished", "state", "line"),
    [
        (job(status="IN_PROGRESS"), "running", ""),
        (job("42"), "done", "42"),
        (job("nothing"), "done", ""),
        (job(error=CodeError("E", "E()", "E\n\nStacktrace:\n [1]")), "failed", "E()"),
        (job(record(RESULT, {"t": "done", "status": "ok"})), "done", "42 …"),
        (job(record(ERROR, {"t": "done", "status": "error"})), "failed", "E()"),
        (job(record(ERROR, {"t": "done", "status": "interrupted"})), "interrupted", "E()"),
        (job('{"error":"missing"}'), "failed", "not run: the job met no agent in its Julia process"),
        (job(record(state="forgotten")), "done", "(its output was shown when it ran)"),
        (job('{"epoch":"e","cell":"id","state":"done","ev'), "done", "(too long for Engee's list)"),
    ],
)
def test_outcomes(finished: Job, state: str, line: str) -> None:
    end = outcome(finished)
    assert (end.state, end.first_line) == (state, line)


def test_a_record_of_the_agent_is_a_cells_events_and_plain_text_makes_some() -> None:
    answer = read_record(job(record(RESULT, {"t": "done", "status": "ok"})))
    assert isinstance(answer, CellAnswer)
    cell = Cell("", 1)
    cell.state = type(cell.state).HANDED
    assert [type(event) for event in cell.accept(answer)] == [Result, Done]
    assert read_record(job("42")) == (Result({"text/plain": "42"}), Done("ok", {"elapsed_s": 2.0}))
    failed = read_record(job(error=CodeError("E", "E()", "full")))
    assert isinstance(failed, tuple) and isinstance(failed[0], Failure)
    with pytest.raises(AgentMissingError):
        read_record(job('{"error":"missing"}'))
    for cut in ('{"epoch":"e","cell":"i', '"{\\"epoch\\":\\"e\\",\\"cel'):
        with pytest.raises(AgentUnavailableError):
            read_record(job(cut))


@given(st.sets(st.uuids().map(str), max_size=20), st.integers(0, 35))
def test_short_ids_name_one_job_each(ids: set[str], cut: int) -> None:
    ids |= {one[:cut] + "0" * (36 - cut) for one in ids}  # some that have much in common
    assert set(short_ids(ids)) == ids
    for one, short in short_ids(ids).items():
        assert one.startswith(short)
        assert len(short) >= 8
        assert resolve(short, ids) == one
        assert resolve(one.upper(), ids) == one


def test_an_ambiguous_or_unknown_beginning_is_an_error_that_says_so() -> None:
    ids = ["aaaa1111-x", "aaaa2222-x", "bbbb"]
    with pytest.raises(UsageError, match="2 jobs have ids that begin with “aaaa”: aaaa1111-x, aaaa2222-x") as caught:
        resolve("aaaa", ids)
    assert caught.value.hint == "Type more of the id."
    for word in ("c", "", "  "):
        with pytest.raises(UsageError, match="No job"):
            resolve(word, ids)


def test_names_of_ordinary_cells() -> None:
    assert cell_number("In[12] x = 1") == 12
    assert cell_number("In[3]") == 3
    assert cell_number("sweep In[3]") is None
    assert cell_number(None) is None


def rows() -> list[Row]:
    states = ["running", "queued", "done", "failed", "interrupted", "lost: Engee was restarted"]
    return [Row(f"{number}" * 12, f"n{number}", "", state, NOW) for number, state in enumerate(states)]


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ([], "012345"),
        (["--running"], "01"),
        (["--done"], "2"),
        (["--failed"], "34"),
        (["--running", "--done"], "012"),
        (["--name", "n[24]"], "24"),
        (["--failed", "--name", "n3"], "3"),
    ],
)
def test_filters(words: list[str], kept: str) -> None:
    parser = argparse.ArgumentParser()
    add_filters(parser)
    found, left_out = chosen(rows(), parser.parse_args(words))
    assert "".join(row.job_id[0] for row in found) == kept
    assert left_out == ""


def test_the_newest_twenty_unless_all_are_asked_for() -> None:
    parser = argparse.ArgumentParser()
    add_filters(parser)
    many = [Row(f"{number:036d}", "", "", "done", NOW, ours=number != 3) for number in range(30)]
    found, left_out = chosen(many, parser.parse_args([]))
    assert len(found) == 20 and "9 older ones" in left_out and all(row.ours for row in found)
    assert len(chosen(many, parser.parse_args(["--all"]))[0]) == 30
    assert table(found, many).text().count("\n") == 21
