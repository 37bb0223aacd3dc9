"""`engee-kernel uninstall`: take back what `install` did."""

from __future__ import annotations

import argparse
import sys

from .install import add_place, place_of, prefix_of

NAME = "uninstall"
HELP = "remove the kernel's entry from JupyterLab and VS Code"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_place(parser)
    parser.add_argument("--name", default="engee", help="the kernel's name (default: engee)")
    parser.epilog = """\
examples:
  engee-kernel uninstall
  engee-kernel uninstall --name engee-plant --sys-prefix

The package itself is removed with: pip uninstall engee-kernel
"""


def run(arguments: argparse.Namespace) -> int:
    from ..jupyter import kernelspec  # noqa: PLC0415 - jupyter_client takes time to import

    folder = kernelspec.uninstall(prefix_of(arguments), arguments.name)
    print(f"Removed {folder}")
    left = kernelspec.found_by_jupyter(arguments.name)
    if left is not None:
        print(
            f"Jupyter in {sys.prefix} still finds one of this name in {left}: engee-kernel uninstall {place_of(left)}"
        )
    return 0
