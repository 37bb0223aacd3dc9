"""`engee-kernel logout`: forget the stored token."""

from __future__ import annotations

import argparse

from .connection import add_connection_arguments, print_json, remark, run_async, settings_of

NAME = "logout"
HELP = "forget the stored token"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_connection_arguments(parser, json=True)
    parser.epilog = """\
The Engee server is left as it is. A personal access token stays valid until you delete it in Engee's
personal account.
"""


def run(arguments: argparse.Namespace) -> int:
    return run_async(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    from ..account.login import log_out, overriding  # noqa: PLC0415 - takes time to import

    settings = settings_of(arguments)
    places = await log_out(settings.url)
    if arguments.json:
        print_json({"removed_from": places})
    else:
        print(f"Removed from {' and '.join(places)}." if places else f"No token was stored for {settings.url}.")
    before = overriding("the setting “token”" if settings.has_token else "")
    if before:
        remark(before.replace("that token is used before the stored one", "that token is still used"))
    return 0
