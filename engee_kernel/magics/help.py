"""%lsmagic and %help. Help is no result: it goes to the front end's pager, which JupyterLab has below the cell."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from ..facts.events import Display, MimeBundle
from ..facts.tables import Table
from ..household.services import Services
from .magic import Context, Magic, find


def page(bundle: MimeBundle) -> dict[str, Any]:
    """What shows `bundle` in the front end's pager, as part of a cell's reply."""
    return {"payload": [{"source": "page", "data": dict(bundle), "start": 0}]}


class ListMagics(Magic):
    name = "%lsmagic"
    help = "List all magics."

    def __init__(self, table: Mapping[str, Magic]) -> None:
        self._table = table

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        await context.output.publish(Display(listed(self._table)))


class Help(Magic):
    name = "%help"
    help = "Explain the kernel, or one magic: %help %%job"

    def __init__(self, table: Mapping[str, Magic]) -> None:
        self._table = table

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("magic", nargs="?", help="e.g. %%%%job")

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        if arguments.magic is None:
            context.replies.update(page(listed(self._table)))
            return
        name = arguments.magic
        if not name.startswith("%"):
            name = f"%{name}" if f"%{name}" in self._table else f"%%{name}"
        context.replies.update(page({"text/plain": find(self._table, name).parser().format_help().strip()}))

    async def complete(self, context: Services, words: list[str], word: str) -> Iterable[str]:
        return [name for name in self._table if name.startswith(word)]


def listed(table: Mapping[str, Magic]) -> MimeBundle:
    rows = [(name, magic.help) for name, magic in sorted(table.items())]
    return Table(("magic", "what it does"), rows).bundle()
