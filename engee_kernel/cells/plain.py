"""Cells without the agent: raw code through `eval`, or as a job that is polled politely.

The API can neither stop code nor stream its output: this mode says what it can't know.
"""

from __future__ import annotations

import time

from ..api.client import EngeeClient
from ..errors import (
    ApiError,
    CodeError,
    GatewayError,
    NotFoundError,
    ReplyLostError,
    ServerNotRunningError,
    SessionLostError,
    StillRunningError,
    UnexpectedReplyError,
)
from ..events import Done, Result
from ..jobs import calls
from ..jobs.calls import Noted
from ..text import duration, ends_with_semicolon
from .cell import Cell, State
from .output import Options, Output
from .records import failure


async def run_eval(client: EngeeClient, cell: Cell, output: Output, options: Options) -> None:
    """One eval; never sent twice. Raises StillRunningError when the reply is lost or too late."""
    started = time.monotonic()
    cell.become(State.SENT)
    try:
        text = await client.eval(cell.code, timeout_s=options.eval_timeout_s)
    except CodeError as error:
        await output.publish(failure(error))
        await _finish(cell, output, "error", started)
        return
    except ServerNotRunningError as error:
        if not error.may_have_run:
            raise
        cell.become(State.LOST)
        raise SessionLostError.of_cell(error, may_have_run=True) from error
    except (ReplyLostError, GatewayError, UnexpectedReplyError) as error:
        cell.become(State.LEFT)
        what = (
            f"This cell outlived the time limit of the HTTP connection ({duration(time.monotonic() - started)})"
            if not isinstance(error, UnexpectedReplyError) and error.timed_out
            else f"The cell's answer was lost ({error.message.rstrip('.')})"
        )
        raise StillRunningError(
            f"{what}. It was not sent again: it may still be running in Engee, or have ended; "
            "its result can't be had any more.",
            "Run long cells as a job: begin the cell with %%job",
        ) from error
    await _publish_value(cell, output, text)
    await _finish(cell, output, "ok", started)


async def run_job(
    client: EngeeClient, cell: Cell, output: Output, options: Options, *, name: str | None, noted: Noted
) -> None:
    """The cell as a job, followed until it is done."""
    await hand_in(client, cell, output, options, name=name, noted=noted)
    await follow_job(client, cell, output, options)


async def hand_in(
    client: EngeeClient, cell: Cell, output: Output, options: Options, *, name: str | None, noted: Noted
) -> None:
    """Have a job run the cell's raw code; returns when Engee has accepted it."""
    cell.become(State.SENT)
    await calls.create(
        client,
        cell.code,
        job_id=cell.cell_id,
        name=name,
        condition=output.condition,
        bound_s=options.reconnect_bound_s,
    )
    cell.become(State.HANDED)
    await noted(cell, "plain", name or "")


async def follow_job(client: EngeeClient, cell: Cell, output: Output, options: Options) -> None:
    """Wait for the job of a cell that was handed in, and show its result."""
    started = time.monotonic()
    try:
        job = await calls.finished(client, cell.cell_id, condition=output.condition, bound_s=options.reconnect_bound_s)
    except StillRunningError:
        cell.become(State.LEFT)
        raise
    except NotFoundError as error:
        cell.become(State.LOST)
        raise SessionLostError(
            "Engee does not know the job any more: it was restarted while the job ran, or has forgotten it. "
            "Its result is gone; the code was not run again.",
            "Files in /user are kept.",
        ) from error
    except ServerNotRunningError:
        raise  # the session says what that means for the cell
    except ApiError as error:
        cell.become(State.LEFT)
        raise StillRunningError(
            f"{error.message} The job goes on in Engee.",
            "\n".join(filter(None, [error.hint, f"Follow it again: %jobs attach {cell.cell_id}"])),
        ) from error
    if job.error is not None:
        await output.publish(failure(job.error))
        await _finish(cell, output, "error", started)
        return
    await _publish_value(cell, output, job.text or "")
    await _finish(cell, output, "ok", started)


async def _publish_value(cell: Cell, output: Output, text: str) -> None:
    """Whether strings come quoted is the server's choice: shown as they come. `nothing` shows nothing."""
    if cell.silent or text in ("", "nothing") or ends_with_semicolon(cell.code):
        return
    await output.publish(Result({"text/plain": text}))


async def _finish(cell: Cell, output: Output, status: str, started: float) -> None:
    cell.done = Done(status, {"elapsed_s": time.monotonic() - started})
    cell.become(State.DONE)
    await output.publish(cell.done)
