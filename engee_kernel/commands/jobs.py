"""`engee-kernel jobs`: which jobs there are in Engee, and what has become of them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..facts.errors import StillRunningError
from ..household.arguments import seconds
from .connection import add_connection_arguments, print_json, remark, run_async
from .remote import as_json, exit_code, for_terminals, session_of

if TYPE_CHECKING:
    from ..cells.session import Session
    from ..jobs.book import JobBook
    from ..jobs.rows import Row

NAME = "jobs"
HELP = "list jobs in Engee; attach to, wait for or interrupt them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ..jobs.table import add_filters  # noqa: PLC0415 - takes time to import

    add_filters(parser)
    add_connection_arguments(parser, json=True)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--url", metavar="URL", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    shared.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print the result as JSON")
    add_filters(_action(actions, shared, "list", "the table of jobs; what “jobs” alone does"), suppressed=True)
    for name, about in (
        ("attach", "show a job's output from its beginning, and follow it"),
        ("result", "show a job's value or error only"),
        ("interrupt", "stop a job"),
    ):
        _action(actions, shared, name, about).add_argument("id", metavar="ID")
    wait = _action(actions, shared, "wait", "wait for jobs: those named, else all that run")
    wait.add_argument("ids", nargs="*", metavar="ID")
    wait.add_argument("--timeout", type=seconds, metavar="S", help="give up after S seconds")
    parser.epilog = """\
An ID may be shortened as long as it is the only one that begins so; a job's name will do as well, and means
the newest job of that name. Ctrl-C ends “attach” and “wait”, not the job.

exit code: 0 done, 1 the job failed, still runs, or can't be asked about, 130 interrupted

examples:
  engee-kernel jobs --running
  engee-kernel jobs attach 3f2a1b9c
  engee-kernel jobs result 3f2a1b9c --json
  engee-kernel jobs wait --timeout 600
"""


def _action(actions: Any, shared: argparse.ArgumentParser, name: str, about: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, parents=[shared], help=about, description=about)
    return parser


def run(arguments: argparse.Namespace) -> int:
    return run_async(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    from ..jobs.book import JobBook  # noqa: PLC0415

    async with session_of(arguments) as session:
        book = JobBook(session)
        action = arguments.action or "list"
        if action == "list":
            return await _list(book, arguments)
        if action == "wait":
            return await _wait(book, arguments)
        job_id = await book.find(arguments.id, remark)
        if action == "attach":
            return await _attach(session, job_id, arguments)
        if action == "result":
            return await _result(book, job_id, arguments)
        said = await book.interrupt(job_id)
        if arguments.json:
            print_json({"job_id": job_id, "message": said})
        else:
            print(said)
        return 0


async def _list(book: JobBook, arguments: argparse.Namespace) -> int:
    from ..jobs.table import chosen  # noqa: PLC0415

    listing = await book.listing()
    for text in listing.remarks:
        remark(text)
    rows, left_out = chosen(listing.rows, arguments, ours=False)
    _show(rows, listing.rows, arguments)
    if left_out:
        remark(left_out)
    return 0


async def _wait(book: JobBook, arguments: argparse.Namespace) -> int:
    from .connection import Progress  # noqa: PLC0415

    if arguments.ids:
        ids = [await book.find(word, remark) for word in arguments.ids]
    else:
        ids = [row.job_id for row in (await book.listing()).rows if row.is_running]
    await book.wait(ids, arguments.timeout, Progress())
    known = (await book.listing()).rows
    rows = [row for row in known if row.job_id in ids]
    _show(rows, known, arguments)
    return 0 if all(row.state == "done" for row in rows) else 1


async def _attach(session: Session, job_id: str, arguments: argparse.Namespace) -> int:
    from ..cells.cell import Cell  # noqa: PLC0415
    from ..jobs.attachment import attach  # noqa: PLC0415
    from .terminal import Terminal  # noqa: PLC0415

    terminal = Terminal(silent=arguments.json)
    try:
        await attach(session, Cell("", 0, stdin_allowed=True, cell_id=job_id), terminal)
    except StillRunningError as error:
        if arguments.json:
            print_json({**as_json(terminal, job_id, "running"), "note": for_terminals(error).message})
        else:
            remark(str(for_terminals(error)))
        return 1
    if arguments.json:
        print_json(as_json(terminal, job_id, "running"))
    return exit_code(terminal)


async def _result(book: JobBook, job_id: str, arguments: argparse.Namespace) -> int:
    from .terminal import Terminal  # noqa: PLC0415

    terminal = Terminal(silent=arguments.json)
    for event in await book.verdict(job_id):
        await terminal.publish(event)
    if arguments.json:
        print_json(as_json(terminal, job_id, "done"))
    return exit_code(terminal)


def _show(rows: list[Row], known: list[Row], arguments: argparse.Namespace) -> None:
    from ..jobs.table import table  # noqa: PLC0415

    if not arguments.json:
        print(table(rows, known).text())
        return
    print_json(
        [
            {
                "job_id": row.job_id,
                "name": row.label,
                "state": row.state,
                "started": row.started.isoformat() if row.started else None,
                "ended": row.ended.isoformat() if row.ended else None,
                "elapsed_s": row.elapsed_s(),
                "result": row.first_line,
            }
            for row in rows
        ]
    )
