"""`engee-kernel install`: make this kernel known to Jupyter and VS Code."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..facts.errors import UsageError

NAME = "install"
HELP = "make “Engee (Julia)” appear in JupyterLab and VS Code"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_place(parser)
    parser.add_argument("--name", default="engee", help="the kernel's name in notebooks and commands (default: engee)")
    parser.add_argument(
        "--display-name", default="", metavar="TEXT", help="what launchers show (default: Engee (Julia))"
    )
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an environment variable for the kernel; may be given several times. Tokens are refused",
    )
    parser.epilog = """\
examples:
  engee-kernel install
      for you, whichever Jupyter or VS Code you start
  engee-kernel install --sys-prefix
      for the Jupyter of this Python environment only
  engee-kernel install --name engee-plant --display-name "Engee (plant)" --env ENGEE_URL=https://engee.example.org
      one more entry, for an Engee on premises
"""


def add_place(parser: argparse.ArgumentParser) -> None:
    """--user, --sys-prefix and --prefix, which `uninstall` has too."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--user", action="store_true", help="in your own Jupyter folder (default)")
    place.add_argument("--sys-prefix", action="store_true", help="in this Python environment")
    place.add_argument("--prefix", metavar="FOLDER", help="below FOLDER, in share/jupyter/kernels")


def prefix_of(arguments: argparse.Namespace) -> Path | None:
    if arguments.sys_prefix:
        return Path(sys.prefix)
    return Path(arguments.prefix).expanduser() if arguments.prefix else None


def run(arguments: argparse.Namespace) -> int:
    from ..jupyter import kernelspec  # noqa: PLC0415 - jupyter_client takes time to import

    environment = dict(_variable(text) for text in arguments.env)
    folder = kernelspec.install(prefix_of(arguments), arguments.name, arguments.display_name, environment)
    print(f"Installed the kernel “{arguments.name.lower()}” in {folder}")
    return 0


def _variable(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        # the text is not shown: it may be a token pasted in the wrong place
        raise UsageError("--env takes NAME=VALUE.", "Example: --env ENGEE_MODE=plain")
    return name.strip(), value
