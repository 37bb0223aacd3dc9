"""What a magic is: a class with a `name`, a `help` line, arguments declared to argparse, and `run`."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from ..cells.cell import Cell
from ..cells.output import Output
from ..facts.errors import UsageError
from ..household.services import Services
from .grammar import Call

if TYPE_CHECKING:
    from ..cells.session import Session

HELP_COLUMNS = 88

RunCell = Callable[[Cell, Output], Awaitable[None]]


@dataclass
class Context:
    """One cell's magics at work: `run_cell` is how its Julia code will be run (None: plainly), and may be set.

    `around`: what is to be done around that, whatever it will be. `over`: nothing more of the cell is to run.
    """

    kernel: Services
    output: Output
    code: str
    cell: Cell
    run_cell: RunCell | None = None
    replies: dict[str, Any] = field(default_factory=dict)
    around: list[Callable[[RunCell], RunCell]] = field(default_factory=list)
    over: bool = False

    @property
    def engee(self) -> Session:
        return self.kernel.engee()

    async def run_plainly(self, cell: Cell, output: Output) -> None:
        """Julia code as it is run where no magic has it run otherwise."""
        from ..cells import running  # noqa: PLC0415 - httpx costs start-up time

        await running.run(self.engee, cell, output)


class MagicHelp(Exception):  # noqa: N818 - not an error: the text that --help asks for
    """Raised by the parser for `--help`."""


class Paragraphs(argparse.RawDescriptionHelpFormatter):
    """Help that fits below a cell: long paragraphs are filled, indented lines and short ones are left alone."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=HELP_COLUMNS)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        groups = groupby(text.split("\n"), lambda line: bool(line) and not line.startswith(" "))
        return "\n".join(_filled(list(lines), width) if is_prose else "\n".join(lines) for is_prose, lines in groups)


def _filled(lines: list[str], width: int) -> str:
    if max(map(len, lines)) <= width:
        return "\n".join(lines)
    return textwrap.fill(" ".join(lines), width)


class MagicParser(argparse.ArgumentParser):
    """argparse that never exits and never prints."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(add_help=False, allow_abbrev=False, **arguments)
        self.add_argument("-h", "--help", action="store_true", help="show this text")

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}.", self.format_help().strip())

    def parse(self, words: list[str]) -> argparse.Namespace:
        """Raises UsageError, or MagicHelp when help is asked for."""
        if "-h" in words or "--help" in words:
            raise MagicHelp(self.format_help().strip())
        return self.parse_args(words)


class Magic:
    """Subclasses set `name` (with its % or %%) and `help`, declare arguments, and do the work in `run`."""

    name: ClassVar[str]
    help: ClassVar[str]
    epilog: ClassVar[str] = ""
    needs_code: ClassVar[bool] = False
    takes_line: ClassVar[bool] = False
    """The rest of the line is one argument, `line`, and is not split into words."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare them."""

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        """Do it. Raises EngeeError."""
        raise NotImplementedError

    async def complete(self, context: Services, words: list[str], word: str) -> Iterable[str]:
        """What may stand for `word` after `words`; options are offered without asking."""
        return ()

    @cache  # noqa: B019 - one instance of each magic lives as long as the process
    def parser(self) -> MagicParser:
        parser = MagicParser(
            prog=self.name,
            description=self.help,
            epilog=self.epilog,
            formatter_class=Paragraphs,
        )
        if not self.takes_line:
            self.arguments(parser)
        return parser

    def parse(self, call: Call) -> argparse.Namespace:
        """Raises UsageError, or MagicHelp when help is asked for."""
        if self.takes_line and call.text not in ("-h", "--help"):
            return argparse.Namespace(line=call.text)
        return self.parser().parse(call.words())


def find(table: Mapping[str, Magic], name: str) -> Magic:
    """Raises UsageError naming the nearest ones."""
    if name in table:
        return table[name]
    near = get_close_matches(name, table, n=3, cutoff=0.5)
    raise UsageError(
        f"There is no magic {name}.",
        f"Did you mean {' or '.join(near)}?" if near else "%lsmagic lists them all.",
    )
