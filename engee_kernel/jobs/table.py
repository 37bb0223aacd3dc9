"""How a list of jobs is filtered and shown, the same in a notebook and in a terminal."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ..facts.tables import Table
from ..facts.text import duration
from ..records.record import DONE, FAILED, INTERRUPTED, short_ids

if TYPE_CHECKING:
    from .rows import Row

ROWS = 20
LABEL_CHARS = 40
STATE_CHARS = 40


def add_filters(parser: argparse.ArgumentParser, *, suppressed: bool = False) -> None:
    """`suppressed`: for a subcommand of a parser that has them too, whose values its own defaults would hide."""
    default = argparse.SUPPRESS if suppressed else False
    name_default = argparse.SUPPRESS if suppressed else None
    parser.add_argument("--running", action="store_true", default=default, help="those that run or wait to run")
    parser.add_argument("--done", action="store_true", default=default, help="those that ended well")
    parser.add_argument("--failed", action="store_true", default=default, help="those that failed or were interrupted")
    parser.add_argument(
        "--all", action="store_true", default=default, help="also those of other notebooks, and not the newest 20 only"
    )
    parser.add_argument("--name", metavar="GLOB", default=name_default, help="those with such a name, e.g. 'sweep*'")


def chosen(rows: Sequence[Row], arguments: argparse.Namespace, *, ours: bool = True) -> tuple[list[Row], str]:
    """The rows to show, and a remark on those left out for their number. `ours`: without other notebooks' jobs."""
    found = [row for row in rows if (arguments.all or row.ours or not ours) and _has_state(row, arguments)]
    if arguments.name is not None:
        found = [row for row in found if fnmatchcase(row.label, arguments.name)]
    if arguments.all or len(found) <= ROWS:
        return found, ""
    return found[:ROWS], f"{len(found) - ROWS} older ones are not shown; --all shows them."


def _has_state(row: Row, arguments: argparse.Namespace) -> bool:
    wanted = arguments.running, arguments.done, arguments.failed
    is_so = row.is_running, row.state == DONE, row.state in (FAILED, INTERRUPTED)
    return not any(wanted) or any(want and so for want, so in zip(wanted, is_so, strict=True))


def table(rows: Sequence[Row], known: Sequence[Row]) -> Table:
    """`known`: all jobs, among which a short id must be the only one."""
    short = short_ids([row.job_id for row in known])
    return Table(
        ("id", "name", "state", "started", "duration", "result"),
        [
            (
                short[row.job_id],
                cut(row.label, LABEL_CHARS),
                cut(row.state, STATE_CHARS),
                moment(row.started),
                "" if (seconds := row.elapsed_s()) is None else duration(seconds),
                row.first_line,
            )
            for row in rows
        ],
        empty="No jobs.",
    )


def cut(text: str, limit_chars: int) -> str:
    """One line of at most so many characters: other programs' jobs may be called anything."""
    line = " ".join(text.split())
    return line if len(line) <= limit_chars else f"{line[: limit_chars - 1]}…"


def moment(at: datetime | None) -> str:
    """Local time; the date where it is not today's."""
    if at is None:
        return ""
    local = at.astimezone()
    return f"{local:%H:%M:%S}" if local.date() == datetime.now().astimezone().date() else f"{local:%Y-%m-%d %H:%M}"
