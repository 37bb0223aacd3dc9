"""What a job's result says: the cell's events where the agent ran it, else the API's plain text. No I/O.

A job's id is a UUID; people see and type its first characters.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ..agent.dialogue import AgentMissingError, AnswerCutError, CellAnswer, EpochError, read_cell
from ..api.wire import Job
from ..facts.errors import AgentUnavailableError, CodeError, UsageError
from ..facts.events import Done, Event, Failure, Result, decode
from ..facts.text import split_description, without_world

SHORT_ID_CHARS = 8
SUMMARY_CHARS = 80
NAMED_CODE_CHARS = 60
CELL_NAME = re.compile(r"In\[(\d+)\] ?")
_WHOLE_ID = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

RUNNING, DONE, FAILED, INTERRUPTED = "running", "done", "failed", "interrupted"
QUEUED = "queued"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job stands: `state` is one of the four words above, `first_line` of its value or error.

    `elapsed_s`: how long the cell ran, which began before the job that only keeps its record.
    """

    state: str
    first_line: str = ""
    elapsed_s: float | None = None


def failure(error: CodeError) -> Failure:
    """The API's error triple as an event; the trace stays text, see `text.split_description`."""
    message, _, _ = split_description(error.full_description)
    return Failure(error.type, error.short_description, message, full=error.full_description)


def read_record(job: Job) -> CellAnswer | tuple[Event, ...]:
    """What a finished job holds: an agent's answer with a cell's events, or the events that plain text makes.

    Raises AgentMissingError or EpochError for an agent's job that met no agent or another one (its code was not
    run by it), AnswerCutError for an agent's answer that Engee cut short.
    """
    if job.error is not None:
        return failure(job.error), Done("error", _elapsed(job))
    text = job.text or ""
    try:
        return read_cell(text)
    except (AgentMissingError, AnswerCutError, EpochError):
        raise
    except AgentUnavailableError:
        pass  # text of somebody's own
    value = (Result({"text/plain": text}),) if text not in ("", "nothing") else ()
    return *value, Done("ok", _elapsed(job))


def outcome(job: Job) -> Outcome:
    """For a table of jobs."""
    if not job.done:
        return Outcome(RUNNING)
    try:
        record = read_record(job)
    except (AgentMissingError, EpochError):
        return Outcome(FAILED, "not run: the job met no agent in its Julia process")
    except AgentUnavailableError:
        return Outcome(DONE, "(too long for Engee's list)")
    if not isinstance(record, CellAnswer):
        return _outcome(record)
    if record.state != "done":
        return Outcome(DONE, "(its output was shown when it ran)")
    return _outcome(decoded(record))


def decoded(answer: CellAnswer) -> list[Event]:
    """The events that this kernel understands."""
    return [event for raw in answer.events if (event := decode(raw)) is not None]


def verdict(events: Iterable[Event]) -> list[Event]:
    """Only the value or the error, and the end."""
    return [event for event in events if isinstance(event, Result | Failure | Done)]


def short_ids(ids: Collection[str]) -> Mapping[str, str]:
    """For each id the shortest beginning that only it has, at least eight characters."""
    ordered = sorted(set(ids))
    if not ordered:
        return {}
    common = [_common(one, other) for one, other in itertools.pairwise(ordered)]
    return {
        one: one[: max(SHORT_ID_CHARS, 1 + max(before, after))]
        for one, before, after in zip(ordered, [0, *common], [*common, 0], strict=True)
    }


def resolve(word: str, ids: Collection[str]) -> str:
    """The id that begins with `word`. Raises UsageError where none or several do."""
    wanted = word.strip().lower()
    found = sorted({one for one in ids if one.lower().startswith(wanted)}) if wanted else []
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{len(found)} jobs have ids that begin with “{word}”: {', '.join(found[:5])}{' …' if found[5:] else ''}.",
            "Type more of the id.",
        )
    raise UsageError(f"No job has the name “{word}” or an id that begins so.", "%jobs --all lists them.")


def is_whole_id(word: str) -> bool:
    return _WHOLE_ID.fullmatch(word.strip()) is not None


def cell_name(count: int, code: str) -> str:
    """How the record of an ordinary cell is named in Engee's list: "In[n] " and the beginning of its code."""
    return f"In[{count}] {' '.join(code.split())[:NAMED_CODE_CHARS]}".strip()


def cell_number(job_name: str | None) -> int | None:
    """The n of such a name."""
    match = CELL_NAME.match(job_name or "")
    return int(match[1]) if match else None


def as_json(job: Job) -> Mapping[str, object]:
    """A finished job's value and error in a shape for scripts, whoever ran it."""
    fields: dict[str, object] = {"job_id": job.job_id, "name": job.name, "status": outcome(job).state}
    fields["start_time"], fields["end_time"] = job.raw.get("start_time"), job.raw.get("end_time")
    events: Iterable[Event] = ()
    if job.done:
        try:
            record = read_record(job)
        except AgentUnavailableError as error:
            return {**fields, "note": error.message}
        events = record if isinstance(record, tuple) else decoded(record)
    return {**fields, **verdict_as_json(events)}


def verdict_as_json(events: Iterable[Event]) -> dict[str, object]:
    """`result`: the value as MIME bundle; `error`: the triple of Engee's API. Both may be null."""
    fields: dict[str, object] = {"result": None, "error": None}
    for event in events:
        if isinstance(event, Result):
            fields["result"] = dict(event.data)
        elif isinstance(event, Failure):
            full = event.full or event.message
            fields["error"] = {"type": event.type, "short_description": event.short, "full_description": full}
    return fields


def _outcome(events: Iterable[Event]) -> Outcome:
    state, line = DONE, ""
    elapsed_s: float | None = None
    for event in events:
        if isinstance(event, Result):
            line = _plain(event)
        elif isinstance(event, Failure):
            state, line = FAILED, without_world(event.short) or event.message
        elif isinstance(event, Done):
            state = INTERRUPTED if event.status == "interrupted" else state
            elapsed_s = event.statistics.get("elapsed_s")
    return Outcome(state, first_line(line), elapsed_s)


def _plain(event: Result) -> str:
    value = event.data.get("text/plain")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) if value is not None else ""


def first_line(text: str) -> str:
    """At most 80 characters of it."""
    lines = text.strip().splitlines()
    line = lines[0] if lines else ""
    return line if len(line) <= SUMMARY_CHARS and len(lines) <= 1 else line[: SUMMARY_CHARS - 2] + " …"


def _elapsed(job: Job) -> Mapping[str, float]:
    if job.start_time is None or job.end_time is None:
        return {}
    return {"elapsed_s": max(0.0, (job.end_time - job.start_time).total_seconds())}


def _common(one: str, other: str) -> int:
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return length
