"""`engee-kernel run FILE.jl`: a file of Julia code in Engee, as `julia FILE.jl` runs it here."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..facts.errors import StillRunningError, UsageError
from ..household.arguments import seconds
from .connection import add_connection_arguments, print_json, remark, run_async
from .remote import as_json, exit_code, for_terminals, session_of

NAME = "run"
HELP = "run a file of Julia code in Engee, with its output here"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.jl", help="a file of this computer; it is not copied to Engee")
    parser.add_argument("--job", action="store_true", help="as a job: it outlives the network and this command")
    parser.add_argument("--name", help="a name to know the job by (default: the file's)")
    parser.add_argument("--timeout", type=seconds, default=0.0, metavar="S", help="interrupt the job after S seconds")
    parser.add_argument("--detach", action="store_true", help="start the job, print its id and come back")
    add_connection_arguments(parser, json=True)
    parser.epilog = """\
Output, errors and prompts are as with “julia FILE.jl”; displays are shown as text, and the value of the last
expression is not printed. --timeout and --detach make it a job. Ctrl-C interrupts the code in Engee; a second Ctrl-C
comes back at once and says how to follow it later.

exit code: 0 done, 1 the code failed or Engee could not be reached, 130 interrupted

examples:
  engee-kernel run sweep.jl
  engee-kernel run sweep.jl --detach
  engee-kernel run sweep.jl --timeout 600 --json
"""


def run(arguments: argparse.Namespace) -> int:
    path = Path(arguments.file).expanduser()
    return run_async(_run(arguments, path.resolve(), _read(path)))


async def _run(arguments: argparse.Namespace, path: Path, code: str) -> int:
    from ..cells import running  # noqa: PLC0415 - takes time to import
    from ..cells.cell import Cell  # noqa: PLC0415
    from ..jobs import running as job_running  # noqa: PLC0415
    from ..jobs.names import check_name, fitting  # noqa: PLC0415
    from .terminal import Terminal  # noqa: PLC0415

    terminal = Terminal(renamed={"In[1]:": f"{path.name}:"}, show_result=False, silent=arguments.json)
    cell = Cell(code, 1, stdin_allowed=True)
    check_name(arguments.name)
    name = fitting(path.name) if arguments.name is None else arguments.name
    async with session_of(arguments, notebook=str(path)) as session:
        if arguments.detach:
            await job_running.start(session, cell, terminal, name=name, limit_s=arguments.timeout)
            if arguments.json:
                print_json({"job_id": cell.cell_id, "status": "running"})
            else:
                print(cell.cell_id)
                remark(f"Follow it with: engee-kernel jobs attach {cell.cell_id}")
            return 0
        try:
            if arguments.job or arguments.timeout > 0:
                await job_running.run(session, cell, terminal, name=name, limit_s=arguments.timeout)
            else:
                await running.run(session, cell, terminal)
        except StillRunningError as error:
            if arguments.json:
                print_json({**as_json(terminal, cell.cell_id, "running"), "note": for_terminals(error).message})
                return 1
            remark(str(for_terminals(error)))
            return 1
    if arguments.json:
        print_json(as_json(terminal, cell.cell_id, "running"))
    return exit_code(terminal)


def _read(path: Path) -> str:
    try:
        code = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {path}.", f"Relative names are looked for in {Path.cwd()}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} can't be read: {error}.", "Expected: a file of Julia code in UTF-8.") from error
    if not code.strip():
        raise UsageError(f"{path} is empty.")
    return code
