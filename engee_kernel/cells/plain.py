"""Cells without the agent: raw code through `eval`.

The API can neither stop code nor stream its output: this mode says what it can't know.
"""

from __future__ import annotations

import time

from ..facts.errors import (
    CodeError,
    GatewayError,
    ReplyLostError,
    ServerNotRunningError,
    SessionLostError,
    StillRunningError,
    UnexpectedReplyError,
)
from ..facts.events import Done, Result
from ..facts.silence import with_what
from ..facts.text import duration, ends_with_semicolon
from ..records.record import failure
from .cell import Cell, State
from .output import Output
from .session import Session


async def run_eval(session: Session, cell: Cell, output: Output) -> None:
    """One eval; never sent twice. Raises StillRunningError when the reply is lost or too late."""
    started = time.monotonic()
    cell.become(State.SENT)
    try:
        text = await session.client.eval(cell.code, timeout_s=session.options.eval_timeout_s)
    except CodeError as error:
        await output.publish(failure(error))
        await finish(cell, output, "error", started)
        return
    except ServerNotRunningError as error:
        if not error.may_have_run:
            raise
        cell.become(State.LOST)
        raise SessionLostError.of_cell(error, may_have_run=True) from error
    except (ReplyLostError, GatewayError, UnexpectedReplyError) as error:
        cell.become(State.LEFT)
        if not isinstance(error, UnexpectedReplyError) and error.timed_out:
            what = f"This cell outlived the time limit of the HTTP connection ({duration(time.monotonic() - started)})"
        elif isinstance(error, GatewayError):
            what = f"Engee's gateway answered {with_what(error)}: whether the cell arrived is not known"
        else:
            what = f"The cell's answer was lost ({error.message.rstrip('.')})"
        raise StillRunningError(
            f"{what}. It was not sent again: it may still be running in Engee, or have ended; its result is lost.",
            "Run long cells as a job: begin the cell with %%job",
        ) from error
    await publish_value(cell, output, text)
    await finish(cell, output, "ok", started)


async def publish_value(cell: Cell, output: Output, text: str) -> None:
    """Whether strings come quoted is the server's choice: shown as they come. `nothing` shows nothing."""
    if cell.silent or text in ("", "nothing") or ends_with_semicolon(cell.code):
        return
    await output.publish(Result({"text/plain": text}))


async def finish(cell: Cell, output: Output, status: str, started: float) -> None:
    """The cell's end, which no agent tells of; `started` by `time.monotonic`."""
    cell.done = Done(status, {"elapsed_s": time.monotonic() - started})
    cell.become(State.DONE)
    await output.publish(cell.done)
