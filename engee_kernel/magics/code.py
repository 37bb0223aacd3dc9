"""%time, %%time, %history, %who and %reset."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from ..cells.cell import Cell
from ..cells.output import Output
from ..cells.session import Session
from ..exchange import variables
from ..facts.cleared import AS_VALUE, is_cleared
from ..facts.errors import AgentUnavailableError, UsageError
from ..facts.events import Display
from ..facts.tables import Table
from ..facts.text import size
from ..household.services import Services
from .magic import Context, Magic, RunCell

YES = ("y", "yes", "д", "да")


class TimeLine(Magic):
    name = "%time"
    help = "Run one line of Julia code and say how long it took: %time inv(A)"
    takes_line = True

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        if not arguments.line:
            raise UsageError("%time needs code to run.", "E.g. %time inv(A), or %%time above the cell's code.")
        cell = Cell(arguments.line, context.cell.count, stdin_allowed=context.cell.stdin_allowed)
        await timed(context.run_plainly)(cell, context.output)
        context.over = cell.done is None or cell.done.status != "ok"


class TimeCell(Magic):
    name = "%%time"
    help = "Run the cell and say how long it took, here and in Engee."
    needs_code = True

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        context.around.append(timed)


def timed(run: RunCell) -> RunCell:
    """`run`, and then a table of the times and what was allocated; also for code that raised."""

    async def run_timed(cell: Cell, output: Output) -> None:
        began = time.perf_counter()
        await run(cell, output)
        wall_s = time.perf_counter() - began
        if cell.done is None:
            output.notice("%time: the cell has not ended yet.")
        else:
            await output.publish(Display(times(wall_s, cell.done.statistics).bundle()))

    return run_timed


def times(wall_s: float, statistics: Mapping[str, float]) -> Table:
    """What is known of a run; `statistics` as a Done event has them."""
    facts = [("wall time", precise(wall_s))]
    # a cell without the agent knows its wall time only
    if "allocated_bytes" in statistics:
        facts.append(("running in Engee", precise(statistics.get("elapsed_s", 0.0))))
        if "compile_s" in statistics:
            facts.append(("of it compiling", precise(statistics["compile_s"])))
        facts.append(("of it collecting garbage", precise(statistics.get("gc_s", 0.0))))
        facts.append(("allocated", size(statistics["allocated_bytes"])))
    return Table([name for name, _ in facts], [[value for _, value in facts]])


def precise(seconds: float) -> str:
    """Three digits, e.g. "12.3 ms", "1.23 s", "125 s"."""
    if seconds == 0:
        return "0 s"
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")):
        value = seconds * factor
        if value >= 1 or unit == "µs":
            break
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f} {unit}"


class History(Magic):
    name = "%history"
    help = "Show the code of this kernel's earlier cells."

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("-n", type=int, metavar="N", help="the last N cells only")
        parser.add_argument(
            "-g", metavar="PATTERN", help="only cells with PATTERN in their code; * and ? stand for anything"
        )

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        if arguments.n is not None and arguments.n < 1:
            raise UsageError(f"-n {arguments.n} is not a number of cells.", "Expected: 1 or more, e.g. %history -n 5")
        cells = context.kernel.history()
        if cells and cells[-1][0] == context.cell.count:
            cells.pop()  # the cell that asks
        if arguments.g is not None:
            cells = [entry for entry in cells if fnmatchcase(entry[1], f"*{arguments.g}*")]
        if arguments.n is not None:
            cells = cells[-arguments.n :]
        width = len(str(cells[-1][0])) if cells else 0
        lines = [f"{count:>{width}}: " + code.replace("\n", "\n" + " " * (width + 2)) for count, code in cells]
        await context.output.publish(Display({"text/plain": "\n".join(lines) or "No such cells."}))


class Who(Magic):
    name = "%who"
    help = "List the variables in Engee with type, size and value."

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("pattern", nargs="?", default="*", help="only names that match, e.g. x*")

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        engee = await with_agent(context)
        known = [v for v in await variables.overview(engee) if fnmatchcase(v["name"], arguments.pattern)]
        await context.output.publish(Display(variable_table(known).bundle()))

    async def complete(self, context: Services, words: list[str], word: str) -> Iterable[str]:
        engee = context.engee()
        answer = await engee.ask("variables", engee.notebook) or {}
        return [v["name"] for v in answer.get("variables", ()) if v["name"].startswith(word)]


def variable_table(known: Iterable[Mapping[str, Any]]) -> Table:
    rows = [
        (v["name"], "", "", AS_VALUE)
        if is_cleared(v["type"])
        else (v["name"], v["type"], "" if v["size_bytes"] is None else size(v["size_bytes"]), v["summary"])
        for v in known
    ]
    return Table(("name", "type", "size", "value"), rows, "No variables.")


class Reset(Magic):
    name = "%reset"
    help = "Clear the variables in Engee; it asks first."
    epilog = """\
In the workspace “main” (the default) it sets all variables of Main to nothing: also those of other notebooks and
of Engee's own windows. Constants, functions, types, packages and files stay. Julia can't remove a name.
In the workspace “notebook” the notebook gets a fresh module: its variables, functions and types are gone, and
nothing else changes.
%engee restart gives a fresh Julia."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("-f", "--force", action="store_true", help="do not ask")

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        engee = await with_agent(context)
        if not arguments.force and not await _agreed(context, engee):
            await context.output.publish(Display({"text/plain": "Nothing was cleared."}))
            return
        answer = await variables.reset(engee)
        await context.output.publish(Display({"text/plain": reset_report(answer)}))


async def _agreed(context: Context, engee: Session) -> bool:
    shared = (
        " They are shared with other notebooks and Engee's own windows." if engee.options.workspace == "main" else ""
    )
    try:
        line = await context.kernel.ask_line(f"Clear all variables?{shared} [y/N] ")
    except UsageError as error:
        raise UsageError("%reset asks first, and this front end takes no input.", "Use %reset --force") from error
    return line is not None and line.strip().lower() in YES


def reset_report(answer: Mapping[str, Any]) -> str:
    """What was done, from the agent's answer."""
    if answer["workspace"] == "notebook":
        return "The notebook has a fresh workspace: all its variables, functions and types are gone."
    cleared, kept = answer["cleared"], answer["kept"]
    lines = [f"Now nothing: {', '.join(cleared)}." if cleared else "There were no variables to clear."]
    lines += [f"Kept: {one['name']} ({one['reason']})." for one in kept]
    return "\n".join(lines)


async def with_agent(context: Context) -> Session:
    """The session, its agent ready, in a server that runs: for one that is stopped there is nothing to tell."""
    engee = context.engee
    if not await engee.agent_ready():
        raise engee.agent_trouble or AgentUnavailableError(
            "This needs the agent, and this notebook runs in plain mode.", "Switch it on with: %config mode = agent"
        )
    return engee


MAGICS = (TimeLine, TimeCell, History, Who, Reset)
