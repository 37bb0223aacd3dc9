"""`engee-kernel COMMAND`: exit code 0 for done, 1 for failed, 2 for called wrongly."""

from __future__ import annotations

import argparse
import importlib
import re
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from .api import leave_out_httpx_command
from .commands import streams
from .facts.errors import EngeeError, UsageError
from .facts.version import __version__

# Module names below engee_kernel.commands, in the order of the help; a command is called as its module.
COMMANDS = (
    "install",
    "uninstall",
    "login",
    "logout",
    "status",
    "start",
    "stop",
    "config",
    "upload",
    "download",
    "sync",
    "doctor",
    "run",
    "convert",
    "jobs",
    "emulator",
)

DONE, FAILED, CALLED_WRONGLY, INTERRUPTED = 0, 1, 2, 130

_SECRET_VALUE = re.compile(r"(?i)((?:token|secret|password|passphrase)\s*[=:]\s*)\S+")


def main(argv: Sequence[str] | None = None) -> int:
    """Called by the `engee-kernel` script."""
    leave_out_httpx_command()
    streams.prepare()
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        try:
            return streams.leave(_checked(words))
        finally:
            streams.flush()
    except OSError as error:
        if not streams.is_closed_pipe(error):
            raise
        streams.silence()
        return streams.leave(FAILED)


def _checked(words: list[str]) -> int:
    try:
        return _run(words)
    except EngeeError as error:
        print(f"engee-kernel: {error.message}", file=sys.stderr)
        if error.hint:
            print(error.hint, file=sys.stderr)
        return CALLED_WRONGLY if isinstance(error, UsageError) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(words: list[str]) -> int:
    named = words[0] if words and words[0] in COMMANDS else None
    if named is not None:
        command = command_module(named)
        if getattr(command, "OWN_ARGUMENTS", False):
            return int(command.run(argparse.Namespace(words=words[1:])))
    parser = _parser([named] if named is not None else COMMANDS)
    arguments = parser.parse_args(words)
    if arguments.command is None:
        parser.print_help()
        return CALLED_WRONGLY
    return int(command_module(arguments.command).run(arguments))


def command_module(name: str) -> ModuleType:
    return importlib.import_module(f"engee_kernel.commands.{name}")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Examples keep their lines; names of commands and options get a column wide enough for them."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Called by argparse, which quotes what it does not understand."""
        super().error(_SECRET_VALUE.sub(r"\1********", message))


def _parser(names: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="engee-kernel",
        usage="%(prog)s [--version] COMMAND [ARGUMENTS]",
        description="A Jupyter kernel that runs notebook cells in Engee, and the tools around it.",
        formatter_class=_Formatter,
        epilog="""\
first steps:
  engee-kernel install          the kernel appears in JupyterLab and VS Code
  engee-kernel login            with a personal access token from Engee's personal account
  jupyter lab

“engee-kernel COMMAND --help” explains a command, with examples.
""",
    )
    parser.add_argument("--version", action="version", version=f"engee-kernel {__version__}")
    commands = parser.add_subparsers(prog=parser.prog, dest="command", metavar="COMMAND [ARGUMENTS]", title="commands")
    for name in names:
        module = command_module(name)
        command = commands.add_parser(
            module.NAME,
            help=module.HELP,
            description=_sentence(module.HELP),
            formatter_class=_Formatter,
        )
        module.add_arguments(command)
    return parser


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


if __name__ == "__main__":
    sys.exit(main())
