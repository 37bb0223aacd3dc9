"""`engee-kernel install`: make this kernel known to Jupyter and VS Code."""

from __future__ import annotations

import argparse
import shlex
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
    prefix, name = prefix_of(arguments), arguments.name.lower()
    folder = kernelspec.install(prefix, arguments.name, arguments.display_name, environment)
    print(f"Installed the kernel “{name}” in {folder}")
    found = kernelspec.found_by_jupyter(name)
    if found is None and prefix is not None and _is_environment(prefix):
        print(f"Jupyter in {prefix} finds it there; the one in {sys.prefix} does not look there.")
    elif found is None:
        print(f"Jupyter in {sys.prefix} does not look there. {_path_for(folder)}")
    elif not found.samefile(folder):
        print(
            f"But Jupyter in {sys.prefix} goes on using the one in {found}, which it finds first"
            f"{', without what --env gave here' if environment else ''}. "
            f"To change that one: {_same_command(arguments, place_of(found))}"
        )
    closed = kernelspec.closed_to_others(*kernelspec.needed_to_start()) if prefix is not None else []
    if closed and (arguments.prefix or not kernelspec.closed_to_others(folder)):
        print(
            f"Other users of this machine can't start it (Permission denied): they may not enter "
            f"{', '.join(map(str, closed))}. Install Python and this package where everybody may read, "
            "e.g. below /opt or /usr/local, and run this command with that Python."
        )
    return 0


def _is_environment(prefix: Path) -> bool:
    """Whether it is a Python environment, of venv or conda: Jupyter looks for kernels in its own."""
    return any((prefix / mark).exists() for mark in ("pyvenv.cfg", "conda-meta"))


def _path_for(folder: Path) -> str:
    place = folder.parent.parent
    return f"Start it with JUPYTER_PATH={place} in its environment, or install with --sys-prefix."


def place_of(found: Path) -> str:
    """The option that writes to where Jupyter found a kernelspec."""
    from ..jupyter import kernelspec  # noqa: PLC0415

    if found.parent == kernelspec.kernels_folder(Path(sys.prefix)):
        return "--sys-prefix"
    if found.parent == kernelspec.kernels_folder(None):
        return "--user"
    return f"--prefix {shlex.quote(str(found.parents[3]))}"


def _same_command(arguments: argparse.Namespace, place: str) -> str:
    words = ["engee-kernel", "install", place]
    if arguments.name.lower() != "engee":
        words += ["--name", shlex.quote(arguments.name)]
    if arguments.display_name:
        words += ["--display-name", shlex.quote(arguments.display_name)]
    for text in arguments.env:
        words += ["--env", shlex.quote(text)]
    return " ".join(words)


def _variable(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        # the text is not shown: it may be a token pasted in the wrong place
        raise UsageError("--env takes NAME=VALUE.", "Example: --env ENGEE_MODE=plain")
    return name.strip(), value
