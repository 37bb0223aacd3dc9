"""`engee-kernel status`: who you are and what your Engee server does."""

from __future__ import annotations

import argparse

from .connection import add_connection_arguments, print_json, remark, run_async, settings_of

NAME = "status"
HELP = "show who you are, where the token comes from, and the server's state"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_connection_arguments(parser, json=True)
    parser.epilog = """\
Asks Engee's management only: it starts nothing and does not count as use of the server.

examples:
  engee-kernel status
  engee-kernel status --json
"""


def run(arguments: argparse.Namespace) -> int:
    return run_async(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    from ..api.client import EngeeClient  # noqa: PLC0415
    from ..server import overview  # noqa: PLC0415 - takes time to import

    settings = settings_of(arguments)
    tokens = settings.tokens(remark)
    async with EngeeClient(settings.url, tokens) as client:
        status = await client.status()
    source, _ = await tokens.find()
    if arguments.json:
        print_json({"url": settings.url, **overview.as_json(status, source)})
    else:
        facts = overview.state_facts(status, source)
        width = max(len(name) for name, _ in facts)
        print(f"Engee at {settings.url}")
        for name, value in facts:
            print(f"  {name.ljust(width)}  {value}")
    return 0
