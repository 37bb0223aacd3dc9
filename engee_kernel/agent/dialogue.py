"""What the agent answers: one JSON string per call, as `eval` or a job gives it back. No I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..facts.errors import AgentUnavailableError, EngeeError, SessionLostError, TransferError
from ..facts.text import summary_of_body, unquote_julia
from . import docs, traces


class AgentMissingError(AgentUnavailableError):
    """The Julia process that answered has no agent: a new session, or a job in a process of its own."""


class AnswerCutError(AgentUnavailableError):
    """The agent's answer is longer than the results that this Engee gives; `length` characters came."""

    def __init__(self, length: int) -> None:
        super().__init__(
            f"Engee cuts results at {length} characters, and a piece of the cell's output is longer.",
            "Print less at once, or write it to a file in /user.",
        )
        self.length = length


class PieceMissingError(AgentUnavailableError):
    """The agent is there, but the piece of it that answers this call is not: the call brings it when made again."""


class EpochError(SessionLostError):
    """The agent is there but a younger one than the cell was given to."""


@dataclass(frozen=True, slots=True)
class CellAnswer:
    """The state of a cell and the events that the kernel has not seen.

    `state`: queued, running, done, forgotten (done, and its events dropped), unknown.
    """

    state: str
    events: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    more: bool = False
    elapsed_s: float = 0.0
    behind: Mapping[str, Any] | None = None
    """The running cell of another notebook that keeps this one from starting: its `notebook` and `count`."""


def read_answer(text: str) -> Mapping[str, Any]:
    """The object in an answer, whether the server quotes string values or not.

    Raises AnswerCutError, AgentMissingError, EpochError, TransferError (a file call failed), AgentUnavailableError (the
    answer is not one, e.g. cut short by a limit of the server).
    """
    value = _parsed(text.strip())
    if not isinstance(value, dict):
        if text.lstrip().startswith(('{"epoch":', '"{\\"epoch\\":')):
            raise AnswerCutError(len(text))
        raise AgentUnavailableError(
            f"Engee's answer is not the agent's: “{summary_of_body(text, 120)}”.",
            "Plain mode works without the agent: %config mode = plain",
        )
    error = value.get("error")
    if error == "missing":
        raise AgentMissingError("This Julia process has no agent.")
    if error == "epoch":
        raise EpochError("The Engee session is not the one that was running before.")
    if error == "piece":
        raise PieceMissingError(f"The agent lacks what answers {value.get('call')}.")
    if error == "file":
        raise TransferError(str(value.get("message") or "The file operation failed."))
    if error is not None:
        raise AgentUnavailableError(f"The agent failed: {value.get('message') or error}.")
    return value


def read_cell(text: str) -> CellAnswer:
    """The answer of submit, events, finish and job. Raises as `read_answer` does."""
    value = read_answer(text)
    events = value.get("events") or ()
    if not isinstance(events, list | tuple) or not isinstance(value.get("state"), str):
        raise AgentUnavailableError("The agent's answer has no state of a cell.")
    return CellAnswer(
        value["state"],
        tuple(docs.completed(traces.completed(event)) for event in events),
        bool(value.get("more")),
        float(value.get("elapsed_s") or 0.0),
        value.get("behind"),
    )


def _parsed(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        try:
            return json.loads(unquote_julia(text))
        except ValueError:
            return None
    if isinstance(value, str):
        # quoted with escapes that happen to be JSON's as well
        try:
            return json.loads(value)
        except ValueError:
            return None
    return value


def is_agent_trouble(error: EngeeError) -> bool:
    """Whether installing the agent anew may help."""
    return isinstance(error, AgentMissingError | EpochError)
