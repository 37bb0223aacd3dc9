"""Jobs without the agent: a cell's raw code as a job that is polled politely, its value when it comes."""

from __future__ import annotations

import time

from ..cells.cell import Cell, State
from ..cells.output import Output
from ..cells.plain import finish, publish_value
from ..cells.session import Session
from ..facts.errors import ApiError, NotFoundError, ServerNotRunningError, SessionLostError, StillRunningError
from ..records import calls
from ..records.record import failure


async def hand_in(session: Session, cell: Cell, output: Output, *, name: str | None) -> None:
    """Have a job run the cell's raw code; returns when Engee has accepted it."""
    cell.become(State.SENT)
    await calls.create(
        session.client,
        cell.code,
        job_id=cell.cell_id,
        name=name,
        condition=output.condition,
        bound_s=session.options.reconnect_bound_s,
    )
    cell.become(State.HANDED)
    await session.notes.accepted(cell.cell_id, "plain", count=cell.count, name=name or "", epoch=session.remote.epoch)


async def follow(session: Session, cell: Cell, output: Output) -> None:
    """Wait for the job of a cell that was handed in, and show its result."""
    started = time.monotonic()
    try:
        job = await calls.finished(
            session.client, cell.cell_id, condition=output.condition, bound_s=session.options.reconnect_bound_s
        )
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
        raise  # what that means for the cell is said where it was sent
    except ApiError as error:
        cell.become(State.LEFT)
        raise StillRunningError(
            f"{error.message} The job goes on in Engee.",
            "\n".join(filter(None, [error.hint, f"Follow it again: %jobs attach {cell.cell_id}"])),
        ) from error
    if job.error is not None:
        await output.publish(failure(job.error))
        await finish(cell, output, "error", started)
        return
    await publish_value(cell, output, job.text or "")
    await finish(cell, output, "ok", started)
