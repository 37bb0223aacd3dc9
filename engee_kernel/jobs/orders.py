"""What %%job asks for around a job: files up before it, files down and a webhook after it, and being told.

Rules for this module: what can be wrong is found before anything is sent; what comes after a job never takes its
result away.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ..api.wire import Job
from ..cells.cell import Cell
from ..cells.output import Output
from ..cells.session import Session
from ..facts.errors import EngeeError, StillRunningError, UsageError
from ..facts.events import Display
from ..facts.text import duration
from ..files.download import download
from ..files.local import plan_upload
from ..files.progress import CellBar
from ..files.remote import RemoteFiles, files_of, files_with
from ..files.selection import plan_download
from ..files.transfer import Progress, Silent, summary
from ..files.upload import upload
from ..records import calls
from ..records.record import DONE, FAILED, INTERRUPTED, SHORT_ID_CHARS, outcome
from . import running, webhook

LOSS_BOUND_S = 3600.0
"""How long a job is looked for in the background while Engee can't be reached."""

RECORD_BOUND_S = 60.0
UNWATCHED_POLL_S = 30.0
"""How often a job is asked for that nothing is to come after: only so that its end gets into the journal."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """`uploads`: local files and patterns; `downloads`: remote ones, to the local folder `to`; `limit_s` 0: none."""

    name: str | None = None
    limit_s: float = 0.0
    uploads: Sequence[str] = ()
    downloads: Sequence[str] = ()
    to: str | None = None
    webhook: str | None = None
    notify: bool = False
    detach: bool = False
    remote_folder: str = "/user"

    def check(self) -> None:
        """Raises UsageError."""
        if self.to and not self.downloads:
            raise UsageError("--to names the folder for --download, which is missing.")
        if self.webhook:
            webhook.check_address(self.webhook)

    @property
    def needs_kernel(self) -> bool:
        """Whether somebody here has to see the job end."""
        return bool(self.webhook or self.downloads or self.notify)


async def carry_out(session: Session, order: Order, cell: Cell, output: Output, tell: Tell) -> None:
    """Run a cell as a job, with all that the order asks for. `tell`: a remark for the next output.

    Raises what `running.run` raises, and TransferError or UsageError for files.
    """
    order.check()
    await _send_inputs(session, order, output)
    if order.detach:
        await running.start(session, cell, output, name=order.name, limit_s=order.limit_s)
        if order.limit_s and not session.jobs_can_be_stopped:
            output.notice("This job can't be stopped, so --timeout has no effect on it: only the agent can stop code.")
        await _let_go(session, order, cell, output, tell)
        return
    try:
        await running.run(session, cell, output, name=order.name, limit_s=order.limit_s)
    except StillRunningError:
        if order.needs_kernel and session.notes.is_open(cell.cell_id):
            session.beside(_see_to_the_end(session, order, cell, tell))
        raise
    await _finish(session, order, cell, output)


async def _let_go(session: Session, order: Order, cell: Cell, output: Output, tell: Tell) -> None:
    """Say where the job is to be found, and watch it where something is to come after it."""
    short = cell.cell_id[:SHORT_ID_CHARS]
    called = f" “{order.name}”" if order.name else ""
    lines = [f"Job {short}{called} was given to Engee.", f"Follow it with: %jobs attach {short}"]
    if order.needs_kernel:
        lines.append("This kernel watches for its end: keep it running for what is to happen then.")
    display_id = str(uuid.uuid4())
    await output.publish(Display({"text/plain": "\n".join(lines)}, display_id=display_id))

    async def show(text: str) -> None:
        if order.needs_kernel:
            await output.publish(Display({"text/plain": text}, display_id=display_id, update=True))

    session.beside(_see_to_the_end(session, order, cell, tell, show))


async def _see_to_the_end(
    session: Session, order: Order, cell: Cell, tell: Tell, show: Callable[[str], Awaitable[None]] | None = None
) -> None:
    """Beside the notebook's cells: wait for the job, then do what is to be done after it."""
    short = cell.cell_id[:SHORT_ID_CHARS]
    try:
        job = await _ended(session, order, cell.cell_id)
    except EngeeError as error:
        if order.needs_kernel:
            tell(f"Job {short} is not watched any longer: {error.message} What was to come after it is not done.")
        return
    end = outcome(job)
    await session.notes.finished(job.job_id, end.state)
    text = sentence(job, order.name)
    if order.notify:
        tell(text)
    if show is not None:
        await show(text)
    silent = Silent()
    if order.downloads and end.state == DONE:
        try:
            tell(f"Job {short}: {await _fetch_outputs(files_with(session.client, session.options), order, silent)}")
        except EngeeError as error:
            tell(f"The files of job {short} were not downloaded: {error.message} {error.hint}".strip())
    for remark in silent.notices:
        tell(remark)
    if order.webhook:
        try:
            await webhook.deliver(order.webhook, job.raw)
        except webhook.WebhookError as error:
            tell(str(error))


async def _ended(session: Session, order: Order, job_id: str) -> Job:
    """The job when it is done; until then the server is kept from stopping itself, as it is for a cell."""
    found: list[Job] = []

    async def wait() -> None:
        bound_s = max(LOSS_BOUND_S, session.options.reconnect_bound_s)
        longest_s = calls.LONGEST_POLL_S if order.needs_kernel else UNWATCHED_POLL_S
        found.append(
            await calls.finished(session.client, job_id, condition=lambda _: None, bound_s=bound_s, longest_s=longest_s)
        )

    await session.watch.beside(wait())
    return found[0]


async def _finish(session: Session, order: Order, cell: Cell, output: Output) -> None:
    """In the job's own cell, which has shown its output: files down, then the webhook."""
    trouble: EngeeError | None = None
    if order.downloads and cell.done is not None and cell.done.status == "ok":
        try:
            async with CellBar(output) as progress:
                output.notice(await _fetch_outputs(await files_of(session, output), order, progress))
        except EngeeError as error:
            trouble = error
    elif order.downloads:
        output.notice("The job failed: nothing was downloaded.")
    if order.webhook:
        output.condition("telling the webhook")
        try:
            waiting = calls.finished(
                session.client, cell.cell_id, condition=output.condition, bound_s=session.options.reconnect_bound_s
            )
            job = await asyncio.wait_for(waiting, RECORD_BOUND_S)
            await webhook.deliver(order.webhook, job.raw)
        except EngeeError as error:
            output.notice(str(error))
        except (asyncio.TimeoutError, TimeoutError):
            output.notice("The webhook was not told: Engee does not give the job's result.")
        output.condition("")
    if trouble is not None:
        raise trouble


async def _send_inputs(session: Session, order: Order, output: Output) -> None:
    if not order.uploads:
        return
    plan = await asyncio.to_thread(plan_upload, order.uploads, order.remote_folder)
    remote = await files_of(session, output)
    began = time.monotonic()
    async with CellBar(output) as progress:
        moved = await upload(remote, plan, progress)
    output.notice(summary(moved, "Uploaded", time.monotonic() - began))
    for line in plan.skipped:
        output.notice(f"Skipped: {line}")


async def _fetch_outputs(remote: RemoteFiles, order: Order, progress: Progress) -> str:
    """What was downloaded. Existing files are replaced: the same job again gives the same files."""
    began = time.monotonic()
    # with a slash at its end it is a folder, whether it exists yet or not
    folder = f"{order.to.rstrip('/')}/" if order.to else None
    plan = await plan_download(remote, order.downloads, folder, order.remote_folder)
    moved = await download(remote, plan, progress, force=True)
    return summary(moved, "Downloaded", time.monotonic() - began)


def sentence(job: Job, name: str | None) -> str:
    """E.g. "Job 3f2a1b9c “sweep” is done after 12 s: 42"."""
    end = outcome(job)
    called = f" “{name}”" if name else ""
    took = (
        f" after {duration((job.end_time - job.start_time).total_seconds())}" if job.start_time and job.end_time else ""
    )
    said = f": {end.first_line}" if end.first_line else ""
    what = {DONE: "is done", FAILED: "failed", INTERRUPTED: "was interrupted"}.get(end.state, end.state)
    short = job.job_id[:SHORT_ID_CHARS]
    return f"Job {short}{called} {what}{took}{said}\nAll of its output: %jobs attach {short}"
