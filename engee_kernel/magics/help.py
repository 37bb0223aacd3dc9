"""%lsmagic and %help."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from ..events import Display
from ..tables import Table
from .registry import Context, KernelServices, Magic, find, magics


class ListMagics(Magic):
    name = "%lsmagic"
    help = "List all magics."

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        table = Table(("magic", "what it does"), [(name, magic.help) for name, magic in sorted(magics().items())])
        await context.output.publish(Display(table.bundle()))


class Help(Magic):
    name = "%help"
    help = "Explain the kernel, or one magic: %help %%job"

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("magic", nargs="?", help="e.g. %%%%job")

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        if arguments.magic is None:
            await ListMagics().run(context, arguments)
            return
        name = arguments.magic
        if not name.startswith("%"):
            name = f"%{name}" if f"%{name}" in magics() else f"%%{name}"
        await context.output.publish(Display({"text/plain": find(name).parser().format_help().strip()}))

    async def complete(self, context: KernelServices, words: list[str], word: str) -> Iterable[str]:
        return [name for name in magics() if name.startswith(word)]


MAGICS = (ListMagics, Help)
