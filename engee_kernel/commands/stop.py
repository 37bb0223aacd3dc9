"""`engee-kernel stop`: stop the Engee server."""

from __future__ import annotations

import argparse

from .connection import Progress, add_connection_arguments, connected, print_json, run_async

NAME = "stop"
HELP = "stop the Engee server: variables are lost, files stay"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_connection_arguments(parser, json=True)
    parser.add_argument("--no-wait", action="store_true", help="return when Engee has taken the order")
    parser.epilog = """\
examples:
  engee-kernel stop
  engee-kernel stop --no-wait --json
"""
    parser.epilog = """\
examples:
  engee-kernel stop
  engee-kernel stop --json --no-wait
"""


def run(arguments: argparse.Namespace) -> int:
    return run_async(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    from ..server import lifecycle, overview  # noqa: PLC0415 - these take time to import

    async with connected(arguments) as client:
        status, stopped = await lifecycle.stop(client, progress=Progress(), wait=not arguments.no_wait)
    if arguments.json:
        print_json({"stopped": stopped, **overview.as_json(status)})
    elif stopped:
        print("The Engee server is stopping." if arguments.no_wait else "The Engee server is stopped.")
    else:
        print("The Engee server was stopped already.")
    return 0
