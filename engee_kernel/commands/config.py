"""`engee-kernel config`: the settings, their values, and where these come from."""

from __future__ import annotations

import argparse

from .connection import add_connection_arguments, print_json, settings_of

NAME = "config"
HELP = "show all settings and where their values come from"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_connection_arguments(parser, json=True)
    parser.add_argument("--markdown", action="store_true", help="print the table of settings for the documentation")
    parser.epilog = """\
Settings come from the environment, e.g. ENGEE_MODE=plain, else from engee_kernel_config.py in Jupyter's configuration
folders (“jupyter --paths”), e.g. c.EngeeSettings.mode = "plain": your own file before one for all. “from” says which.
Secrets are not shown.

examples:
  engee-kernel config
  engee-kernel config --json
"""


def run(arguments: argparse.Namespace) -> int:
    from ..household.settings import markdown_table  # noqa: PLC0415 - takes time to import

    if arguments.markdown:
        print(markdown_table(), end="")
        return 0
    settings = settings_of(arguments)
    if arguments.json:
        print_json({name: {"value": settings.shown(name), "from": settings.source(name)} for name in settings.names()})
        return 0
    from ..magics.settings import table  # noqa: PLC0415

    print(table(settings).text())
    return 0
