"""Finding a job again: its record where it is finished, the agent's events where the agent knows the cell, else
the plain result when it comes.
"""

from __future__ import annotations

import asyncio
import time

from ..agent.dialogue import AgentMissingError, CellAnswer, EpochError
from ..api.wire import Job
from ..cells.cell import Cell, State
from ..cells.life import Life
from ..cells.output import Output
from ..cells.remote import MIN_WAIT_S
from ..cells.session import Session
from ..facts.errors import (
    AgentUnavailableError,
    CodeError,
    GatewayError,
    NetworkError,
    NotFoundError,
    RateLimitedError,
    SessionLostError,
    StillRunningError,
)
from ..facts.events import Done, Event, Input
from ..facts.silence import Silence
from ..facts.text import duration
from ..records import calls
from ..records.record import read_record

AGENT_BOUND_S = 5.0
AGENT_AGAIN_S = 30.0
BEYOND_ALL_EVENTS = 2**31
"""As a number to ask for events after: the answer then has the state alone."""

KNOWN = ("queued", "running", "done")


async def attach(session: Session, cell: Cell, output: Output) -> None:
    """Show a job's output from its beginning (`cell.cell_id` is its id) and follow it.

    An interrupt ends the following, not the code. Raises NotFoundError where nobody knows the job.
    """
    await session.attend(cell, output, _to_its_end(session, cell, output), stops_code=False)


async def _to_its_end(session: Session, cell: Cell, output: Output) -> None:
    await _follow(session, cell, output)
    if cell.done is not None:
        # of an earlier kernel's, mostly: the journal knows the job, this kernel's notes do not
        await session.notes.ended(cell.cell_id, cell.done.status, known=False)


async def _follow(session: Session, cell: Cell, output: Output) -> None:
    pause_s = calls.FIRST_POLL_S
    ask_agent_at = 0.0
    state = ""
    silent_since: float | None = None
    while True:
        job = await _job(session, cell, output)
        why_not = ""
        if job is not None and job.done:
            why_not = await _replay(job, cell, output)
            if not why_not:
                return
        if time.monotonic() >= ask_agent_at:
            state = await _agent_state(session, cell.cell_id)
            if state in KNOWN:
                async with session.following(Life(session, cell, output)) as life:
                    await life.attach(handed=job is not None and not job.done)
                return
            ask_agent_at = time.monotonic() + (AGENT_AGAIN_S if state == "silent" else 0.0)
        if state == "silent" and (job is None or job.done):
            # a cell without a job, or whose job could not hold its record: nobody but the agent knows more
            silent_since = silent_since or time.monotonic()
            _see_to_silence(time.monotonic() - silent_since, session.options.reconnect_bound_s, cell, output)
            ask_agent_at = 0.0
            await asyncio.sleep(calls.LONGEST_POLL_S)
            continue
        if job is None:
            raise NotFoundError(
                "Neither Engee nor the agent there knows this job.",
                "Engee was restarted, or has forgotten it; %jobs lists those that are known.",
            )
        if job.done:
            raise SessionLostError(why_not, "Run the cell again.")
        # a job of plain code, one that has not begun, or an Engee that answers nothing else meanwhile
        output.condition("the output comes when the job has ended")
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * calls.POLL_GROWTH, calls.LONGEST_POLL_S)


def _see_to_silence(silent_s: float, bound_s: float, cell: Cell, output: Output) -> None:
    """Raises StillRunningError when the bound is reached."""
    if silent_s >= bound_s:
        raise StillRunningError(
            f"The agent, which alone may know this job, has not answered for {duration(silent_s)}. "
            "Nothing is known of the job, and nothing is known to be lost.",
            f"Try again later: %jobs attach {cell.cell_id}",
        )
    output.condition(f"the agent in Engee does not answer, asking again for {duration(bound_s - silent_s)}")


async def _job(session: Session, cell: Cell, output: Output) -> Job | None:
    silence = Silence(asking=True)
    bound_s = session.options.reconnect_bound_s
    try:
        return await calls.result(
            session.client, cell.cell_id, condition=output.condition, bound_s=bound_s, silence=silence
        )
    except NotFoundError:
        return None
    except (NetworkError, GatewayError, RateLimitedError) as error:
        raise calls.unanswered(error, cell.cell_id, silence) from error


async def _replay(job: Job, cell: Cell, output: Output) -> str:
    """Show what a finished job holds; "" when that was done, else why there is nothing to show."""
    try:
        record = read_record(job)
    except AgentMissingError:
        return "The job met no agent in its Julia process: it did not run the cell."
    except EpochError:
        return "The job was made for an Engee session that has ended: it did not run the cell."
    except AgentUnavailableError:
        return "The job's record is longer than the results that Engee gives, and was cut off."
    cell.become(State.SENT)
    cell.become(State.HANDED)
    events: list[Event]
    if isinstance(record, CellAnswer):
        if record.state != "done":
            cell.state = State.NEW
            return "The cell's output was shown when it ran, and Engee does not keep it any longer."
        events = cell.accept(record)
    else:
        events = list(record)
        cell.done = next(event for event in events if isinstance(event, Done))
        cell.become(State.DONE)
    for event in events:
        if not isinstance(event, Input):
            await output.publish(event)
    return ""


async def _agent_state(session: Session, cell_id: str) -> str:
    """The cell's state in the agent; "" without an agent, "silent" when Engee does not answer now."""
    try:
        return await asyncio.wait_for(_asked(session, cell_id), AGENT_BOUND_S)
    except (asyncio.TimeoutError, TimeoutError, NetworkError, GatewayError, RateLimitedError):
        return "silent"


async def _asked(session: Session, cell_id: str) -> str:
    for _ in range(2):
        if not await session.agent_ready():
            return ""
        try:
            answer = await session.remote.cell_call("events", cell_id, BEYOND_ALL_EVENTS, 0.0, wait_s=MIN_WAIT_S)
            return answer.state
        except (AgentMissingError, EpochError):
            session.remote.forget_epoch()
        except (AgentUnavailableError, CodeError):
            return ""
    return ""
