"""%lsmagic and %help. Help is no result: it goes to the front end's pager, which JupyterLab has below the cell."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from ..events import Display, MimeBundle
from ..jupyter.services import Services
from ..tables import Table
from .registry import Context, Magic, find, magics


def page(bundle: MimeBundle) -> dict[str, Any]:
    """What shows `bundle` in the front end's pager, as part of a cell's reply."""
    return {"payload": [{"source": "page", "data": dict(bundle), "start": 0}]}


def all_magics() -> MimeBundle:
    rows = [(name, magic.help) for name, magic in sorted(magics().items())]
    return Table(("magic", "what it does"), rows).bundle()


class ListMagics(Magic):
    name = "%lsmagic"
    help = "List all magics."

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        await context.output.publish(Display(all_magics()))


class Help(Magic):
    name = "%help"
    help = "Explain the kernel, or one magic: %help %%job"

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("magic", nargs="?", help="e.g. %%%%job")

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        if arguments.magic is None:
            context.replies.update(page(all_magics()))
            return
        name = arguments.magic
        if not name.startswith("%"):
            name = f"%{name}" if f"%{name}" in magics() else f"%%{name}"
        context.replies.update(page({"text/plain": find(name).parser().format_help().strip()}))

    async def complete(self, context: Services, words: list[str], word: str) -> Iterable[str]:
        return [name for name in magics() if name.startswith(word)]


MAGICS = (ListMagics, Help)
