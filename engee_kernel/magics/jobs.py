"""%%job: a cell through the jobs API. %jobs: which jobs there are, and what has become of them."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..cells.cell import Cell
from ..cells.output import Output
from ..facts.events import Display
from ..household.arguments import seconds
from ..household.services import Services
from ..jobs.table import add_filters, chosen, table
from .magic import Context, Magic, MagicParser

if TYPE_CHECKING:
    from ..jobs.book import JobBook

# What argparse formats: % stands for itself only when doubled.
ACTIONS = {
    "list": "the table of jobs; what %%jobs alone does",
    "attach": "show a job's output from its beginning, and follow it; without ID this notebook's newest",
    "result": "show a job's value or error only",
    "interrupt": "stop a job; without ID this notebook's newest that runs",
    "wait": "wait for jobs: those named, else all of this notebook's that run",
}


class Job(Magic):
    name = "%%job"
    help = "Run the cell as a job: it outlives the HTTP time limit, the network and this kernel."
    epilog = """\
examples:
  %%job
  %%job --name sweep --timeout 3600 --download results.csv --to ./results
  %%job --detach --notify

The output is shown as it comes. With --detach the prompt is yours at once; the job runs beside the cells that
follow, and %jobs attach ID shows its output. Its time limit is kept in Engee. What is to come after a detached job
(--download, --webhook, --notify) is done by this kernel, which has to be alive then. Files that exist here are kept
unless --force is given: the others are downloaded, and a remark has the command for the kept ones. The webhook
gets what Engee's own result call gives, and no token. It is told beside the next cells; a remark there says if that
failed."""
    needs_code = True

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--name", help="a name to know the job by")
        parser.add_argument("--timeout", type=seconds, default=0.0, metavar="S", help="interrupt it after S seconds")
        parser.add_argument(
            "--upload", nargs="+", default=[], action="extend", metavar="GLOB", help="copy local files to Engee before"
        )
        parser.add_argument(
            "--download", nargs="+", default=[], action="extend", metavar="REMOTE", help="copy remote files here after"
        )
        parser.add_argument("--to", metavar="LOCAL", help="the folder for --download (default: the notebook's)")
        parser.add_argument("--force", action="store_true", help="with --download: replace files that exist here")
        parser.add_argument("--webhook", metavar="URL", help="POST the job's result, as JSON, to URL when it has ended")
        parser.add_argument("--notify", action="store_true", help="say so in the next output when it has ended")
        parser.add_argument("--detach", action="store_true", help="give the prompt back at once")

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        from ..jobs.orders import Order, carry_out  # noqa: PLC0415 - transfers take time to import

        order = Order(
            name=arguments.name,
            limit_s=arguments.timeout,
            uploads=arguments.upload,
            downloads=arguments.download,
            to=arguments.to,
            force=arguments.force,
            webhook=arguments.webhook,
            notify=arguments.notify,
            detach=arguments.detach,
            remote_folder=context.kernel.remote_folder,
        )
        order.check()

        async def as_job(cell: Cell, output: Output) -> None:
            await carry_out(context.engee, order, cell, output, context.kernel.tell)

        context.run_cell = as_job


class Jobs(Magic):
    name = "%jobs"
    help = "List this notebook's jobs, and follow, wait for or interrupt them."
    epilog = """\
examples:
  %jobs                   this notebook's jobs and those that nobody claims, newest first
  %jobs --running --all   all that run, of other notebooks as well
  %jobs attach            the newest one's output, e.g. after the page was reloaded
  %jobs attach 3f2a1b9c   all of a job's output, also after a restart of the kernel
  %jobs result 3f2a1b9c
  %jobs interrupt 3f2a1b9c
  %jobs wait --timeout 600

An ID may be shortened as long as it is the only one that begins so; a job's name will do as well, and means the
newest job of that name. An ordinary cell
that runs for more than a moment has a job that keeps its output: it is listed as “cell In[n]”. Interrupting
“%jobs attach” ends the following, not the job. The list comes from Engee and from a journal on this computer, which
knows the jobs of earlier kernels; it holds no code and no output."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        add_filters(parser)
        actions = parser.add_subparsers(dest="action", metavar="ACTION", parser_class=MagicParser)
        for action, about in ACTIONS.items():
            one = actions.add_parser(action, help=about, description=about)
            if action == "list":
                add_filters(one, suppressed=True)
            elif action == "wait":
                one.add_argument("ids", nargs="*", metavar="ID")
                one.add_argument("--timeout", type=seconds, metavar="S", help="give up after S seconds")
            elif action in ("attach", "interrupt"):
                one.add_argument("id", nargs="?", metavar="ID")
            else:
                one.add_argument("id", metavar="ID")

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        from ..jobs.attachment import attach  # noqa: PLC0415 - a magic's own part
        from ..jobs.book import JobBook  # noqa: PLC0415

        book = JobBook(context.engee)
        output = context.output
        action = arguments.action or "list"
        if action == "list":
            await _list(book, arguments, output)
        elif action == "attach":
            cell = Cell("", context.cell.count, stdin_allowed=context.cell.stdin_allowed)
            cell.cell_id = await book.find(arguments.id, output.notice) if arguments.id else await book.newest()
            await attach(context.engee, cell, output)
        elif action == "result":
            for event in await book.verdict(await book.find(arguments.id, output.notice)):
                await output.publish(event)
        elif action == "interrupt":
            job_id = await book.find(arguments.id, output.notice) if arguments.id else await book.newest(running=True)
            said = await book.interrupt(job_id)
            await output.publish(Display({"text/plain": said}))
        else:
            await _wait(book, arguments, output)

    async def complete(self, context: Services, words: list[str], word: str) -> Iterable[str]:
        if not words:
            return [action for action in ACTIONS if action.startswith(word)]
        if words[0] in ("attach", "result", "interrupt", "wait"):
            return [one for one in await self._ids(context) if one.startswith(word)]
        return []

    async def _ids(self, context: Services) -> list[str]:
        """From the journal: nothing is asked of Engee while a person types."""
        journal = context.engee().notes.journal
        if journal is None:
            return []
        entries = (await asyncio.to_thread(journal.read)).entries.values()
        return [entry.job_id for entry in entries if entry.notebook == journal.notebook][::-1]


async def _list(book: JobBook, arguments: argparse.Namespace, output: Output) -> None:
    listing = await book.listing()
    for remark in listing.remarks:
        output.notice(remark)
    rows, left_out = chosen(listing.rows, arguments)
    await output.publish(Display(table(rows, listing.rows).bundle()))
    if left_out:
        output.notice(left_out)


async def _wait(book: JobBook, arguments: argparse.Namespace, output: Output) -> None:
    if arguments.ids:
        ids = [await book.find(word, output.notice) for word in arguments.ids]
    else:
        rows = (await book.listing()).rows
        ids = [row.job_id for row in rows if row.is_running and row.ours and row.known]
    await book.wait(ids, arguments.timeout, output.condition)
    rows = (await book.listing()).rows
    await output.publish(Display(table([row for row in rows if row.job_id in ids], rows).bundle()))


MAGICS = (Job, Jobs)
