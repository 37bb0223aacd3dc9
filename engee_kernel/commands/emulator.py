"""`engee-kernel emulator`: the local Engee, Engee's HTTP API on this machine with a real Julia behind it."""

from __future__ import annotations

import argparse

from ..facts.errors import EngeeError

NAME = "emulator"
HELP = "run a local Engee, to try the kernel without an account"
OWN_ARGUMENTS = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None here: the local Engee has a command line of its own."""


def run(arguments: argparse.Namespace) -> int:
    try:
        from ..emulator.command import main  # noqa: PLC0415 - an optional part, and a long import
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("engee_kernel"):
            raise
        raise EngeeError(
            f"The local Engee needs packages that are not installed ({error.name} is missing).",
            'Install them with: pip install "engee-kernel[emulator]"',
        ) from error
    return main(arguments.words)
