"""What %%job asks for around a job: files up before it, files down and a webhook after it, and being told.

Rules for this module: mistakes are found before anything is sent; what comes after a job never takes its
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
from ..files.download import download, hold_back_existing
from ..files.local import plan_upload
from ..files.paths import quoted, some
from ..files.progress import CellBar
from ..files.remote import RemoteFiles, files_of, files_with
from ..files.selection import Incoming, plan_download
from ..files.transfer import Progress, Silent, summary
from ..files.upload import upload
from ..records import calls
from ..records.record import DONE, FAILED, INTERRUPTED, SHORT_ID_CHARS, outcome
from . import running, webhook
from .names import check_name

LOSS_BOUND_S = 3600.0
"""How long a job is looked for in the background while Engee can't be reached."""

RECORD_BOUND_S = 60.0
FETCHED_BY_NAME = 10
UNWATCHED_POLL_S = 30.0
"""How often a job is asked for that nothing is to come after: only so that its end gets into the journal."""

Tell = Callable[[str], None]


class KeptError(UsageError):
    """Files that exist here were not replaced."""


@dataclass(frozen=True)
class Order:
    """`uploads`: local files and patterns; `downloads`: remote ones, to the local folder `to`; `limit_s` 0: none.

    `force`: downloads replace local files that exist.
    """

    name: str | None = None
    limit_s: float = 0.0
    uploads: Sequence[str] = ()
    downloads: Sequence[str] = ()
    to: str | None = None
    webhook: str | None = None
    notify: bool = False
    detach: bool = False
    force: bool = False
    remote_folder: str = "/user"

    def check(self) -> None:
        """Raises UsageError."""
        check_name(self.name)
        if self.force and not self.downloads:
            raise UsageError("--force is for --download, which is missing.")
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
    await _finish(session, order, cell, output, tell)


async def _let_go(session: Session, order: Order, cell: Cell, output: Output, tell: Tell) -> None:
    """Say where the job is to be found, and watch it where something is to come after it."""
    short = cell.cell_id[:SHORT_ID_CHARS]
    called = f" “{order.name}”" if order.name else ""
    lines = [f"Job {short}{called} was given to Engee.", f"Follow it with: %jobs attach {short}"]
    if order.needs_kernel:
        lines.append("This kernel waits for its end: keep it running until then.")
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
            tell(f"Job {short} is not watched any longer: {error.message} What was to follow it is left out.")
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
        except KeptError as error:
            tell(f"Job {short}: {error.message}\n{error.hint}")
        except EngeeError as error:
            tell(f"The files of job {short} were not downloaded: {error.message} {error.hint}".strip())
    for remark in silent.notices:
        tell(remark)
    if order.webhook:
        await _deliver(order.webhook, job, tell)


async def _deliver(url: str, job: Job, tell: Tell) -> None:
    try:
        await webhook.deliver(url, job.raw)
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


async def _finish(session: Session, order: Order, cell: Cell, output: Output, tell: Tell) -> None:
    """In the job's own cell, which has shown its output: files down. The webhook is told beside the next cells."""
    if order.webhook:
        session.beside(_tell_webhook(session, order.webhook, cell.cell_id, tell), to_the_end=True)
    trouble: EngeeError | None = None
    if order.downloads and cell.done is not None and cell.done.status == "ok":
        try:
            async with CellBar(output) as progress:
                output.notice(await _fetch_outputs(await files_of(session, output), order, progress))
        except EngeeError as error:
            trouble = error
    elif order.downloads:
        output.notice("The job failed: nothing was downloaded.")
    if trouble is not None:
        raise trouble


async def _tell_webhook(session: Session, url: str, job_id: str, tell: Tell) -> None:
    bound_s = session.options.reconnect_bound_s
    try:
        waiting = calls.finished(session.client, job_id, condition=lambda _: None, bound_s=bound_s)
        job = await asyncio.wait_for(waiting, RECORD_BOUND_S)
    except EngeeError as error:
        tell(f"The webhook was not told: {error.message} {error.hint}".strip())
    except (asyncio.TimeoutError, TimeoutError):
        tell("The webhook was not called: Engee did not give the job's result.")
    else:
        await _deliver(url, job, tell)


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
    """What was downloaded, as a sentence. Raises UsageError where files that exist here were kept."""
    began = time.monotonic()
    # with a slash at its end it is a folder, whether it exists yet or not
    folder = f"{order.to.rstrip('/')}/" if order.to else None
    plan = await plan_download(remote, order.downloads, folder, order.remote_folder)
    kept = [] if order.force else await hold_back_existing(plan)
    if kept and not (plan.files or plan.folders):
        raise _kept(kept, order, "")
    moved = await download(remote, plan, progress, force=order.force)
    text = summary(moved, "Downloaded", time.monotonic() - began)
    if kept:
        raise _kept(kept, order, text)
    return text


def _kept(kept: Sequence[Incoming], order: Order, done: str) -> UsageError:
    """Existing files stay, as with %download: the error has the command that replaces them."""
    here = [str(file.local) for file in kept]
    to = f" --to {quoted(order.to)}" if order.to else ""
    sources = " ".join(quoted(file.remote) for file in kept[:FETCHED_BY_NAME])
    if len(kept) > FETCHED_BY_NAME:
        sources = " ".join(quoted(word) for word in order.downloads)
    was_kept = (
        f"{some(here)} exists here already and was kept."
        if len(kept) == 1
        else f"{len(kept)} files exist here already and were kept: {some(here)}."
    )
    them = "it" if len(kept) == 1 else "them"
    return KeptError(
        f"{done} {was_kept}".lstrip(),
        f"To replace {them}: %download {sources}{to} --force\nTo let the job replace {them}: %%job --force …",
    )


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
