"""`engee-kernel start`: start the Engee server and wait until it runs."""

from __future__ import annotations

import argparse

from ..facts.errors import UsageError
from .connection import Progress, add_connection_arguments, connected, print_json, run_async, settings_of

NAME = "start"
HELP = "start the Engee server and wait until it runs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_connection_arguments(parser, json=True)
    parser.add_argument("--wait", type=float, metavar="S", help="seconds to wait (default: the setting start_bound_s)")
    parser.add_argument("--timeout", type=float, metavar="MIN", help="minutes without use until it stops itself")
    parser.epilog = """\
examples:
  engee-kernel start
  engee-kernel start --timeout 30
"""


def run(arguments: argparse.Namespace) -> int:
    return run_async(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    from ..server import lifecycle, overview  # noqa: PLC0415 - these take time to import

    if arguments.timeout is not None and not 1 <= arguments.timeout < 1e6:
        raise UsageError(f"--timeout {arguments.timeout:g} is not a number of minutes.", "Expected: 1 or more.")
    bound_s = settings_of(arguments).start_bound_s if arguments.wait is None else arguments.wait
    timeout_s = None if arguments.timeout is None else round(arguments.timeout * 60)
    async with connected(arguments) as client:
        status, started = await lifecycle.start(
            client, bound_s=bound_s, progress=Progress(), inactivity_timeout_s=timeout_s
        )
    if arguments.json:
        print_json({"started": started, **overview.as_json(status)})
    else:
        print("The Engee server runs." if started else "The Engee server runs already.")
    return 0
