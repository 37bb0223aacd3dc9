"""Cells without the agent: raw code through `eval`, or as a job that is polled politely.

The API can neither stop code nor stream its output: this mode says what it can't know.
"""

from __future__ import annotations

import asyncio
import time

from .cell import Cell, State
from .client import EngeeClient
from .errors import CodeError, GatewayError, ReplyLostError, StillRunningError
from .events import Done, Failure, Result
from .output import Options, Output
from .text import duration, split_description
from .wire import Job

FIRST_POLL_S = 0.2
LONGEST_POLL_S = 5.0
POLL_GROWTH = 1.4


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
    except (ReplyLostError, GatewayError) as error:
        cell.become(State.LEFT)
        what = (
            f"This cell outlived the time limit of the HTTP connection ({duration(time.monotonic() - started)})"
            if error.timed_out
            else f"The connection was lost while the cell ran ({error.message.rstrip('.')})"
        )
        raise StillRunningError(
            f"{what}. It was not sent again: it may still be running in Engee, or have ended; "
            "its result can't be had any more.",
            "Run long cells as a job: begin the cell with %%job",
        ) from error
    await _publish_value(cell, output, text)
    await _finish(cell, output, "ok", started)


async def run_job(client: EngeeClient, cell: Cell, output: Output, *, name: str | None) -> None:
    """The cell as a job, followed until it is done."""
    cell.become(State.SENT)
    await client.create_job(cell.code, job_id=cell.cell_id, name=name)
    cell.become(State.HANDED)
    started = time.monotonic()
    job = await poll(client, cell.cell_id)
    if job.error is not None:
        await output.publish(failure(job.error))
        await _finish(cell, output, "error", started)
        return
    await _publish_value(cell, output, job.text or "")
    await _finish(cell, output, "ok", started)


async def poll(client: EngeeClient, job_id: str) -> Job:
    """The job when it is done, asked for at growing intervals up to 5 s. Raises NotFoundError."""
    pause_s = FIRST_POLL_S
    while True:
        job = await client.job(job_id)
        if job.done:
            return job
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * POLL_GROWTH, LONGEST_POLL_S)


def failure(error: CodeError) -> Failure:
    """The API's error triple as an event; the trace stays text, see `text.split_description`."""
    message, _, _ = split_description(error.full_description)
    return Failure(error.type, error.short_description, message, full=error.full_description)


async def _publish_value(cell: Cell, output: Output, text: str) -> None:
    """Whether strings come quoted is the server's choice: shown as they come. `nothing` shows nothing."""
    if cell.silent or text in ("", "nothing") or cell.code.rstrip().endswith(";"):
        return
    await output.publish(Result({"text/plain": text}))


async def _finish(cell: Cell, output: Output, status: str, started: float) -> None:
    cell.done = Done(status, {"elapsed_s": time.monotonic() - started})
    cell.become(State.DONE)
    await output.publish(cell.done)
