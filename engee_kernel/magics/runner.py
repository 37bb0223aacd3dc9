"""Runs a cell: its magics from the top, then its Julia code the way they left it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ..cells.cell import Cell
from ..cells.output import Output
from ..facts.errors import EngeeError, UsageError
from ..facts.events import Display
from ..household.services import Services
from .grammar import magic_line_at, split_cell
from .magic import Context, MagicHelp, find
from .registry import magics

CONTROLS = "%%controls"


async def run_cell(kernel: Services, cell: Cell, output: Output) -> dict[str, Any]:
    """Run `cell` (its code still with magics). What the magics add to the reply, e.g. a payload.

    All magics are looked up and parsed before the first runs: a mistake in the second line of a cell does not
    leave the first one done.
    """

    calls, code = split_cell(cell.code)
    context = Context(kernel, output, code, cell)
    prepared = []
    for call in calls:
        magic = find(magics(), call.name)
        try:
            arguments = magic.parse(call)
        except MagicHelp as help_text:
            await output.publish(Display({"text/plain": str(help_text)}))
            return {}
        if magic.needs_code and not code.strip():
            raise UsageError(f"{call.name} needs code to run.", f"Put the Julia code on the lines below {call.name}.")
        prepared.append((magic, arguments))
    for magic, arguments in prepared:
        await magic.run(context, arguments)
        if context.over:
            return context.replies
    if "@param" in context.code and CONTROLS not in [call.name for call in calls]:
        from .controls import show_by_itself  # noqa: PLC0415 - for cells with masks only

        await show_by_itself(context)
    if context.code.strip():
        cell.code = context.code
        run = context.run_cell or context.run_plainly
        for wrap in context.around:
            run = wrap(run)
        await run(cell, output)
    return context.replies


async def complete(kernel: Services, code: str, cursor: int) -> tuple[int, list[str]] | None:
    """Where the completed word begins (code points) and what it may become; None outside of magic lines."""
    found = magic_line_at(code, cursor)
    if found is None:
        return None
    start, line = found
    indent = len(line) - len(line.lstrip())
    name, space, text = line.lstrip().partition(" ")
    if not space:
        return start + indent, sorted(known for known in magics() if known.startswith(name))
    word = _last_word(text)
    words = text[: len(text) - len(word)].split()
    magic = magics().get(name)
    if magic is None:
        return start + len(line) - len(word), []
    options = [option for action in magic.parser()._actions for option in action.option_strings]
    matches = [option for option in options if word and option.startswith(word)]
    with suppress(EngeeError):  # an error while typing helps nobody: running the line will say it
        matches += await magic.complete(kernel, words, word)
    return start + len(line) - len(word), matches


def _last_word(text: str) -> str:
    """The unfinished word at the end, from its quotation mark on where it has one."""
    for mark in ('"', "'"):
        if text.count(mark) % 2:
            return text[text.rindex(mark) :]
    return text.rpartition(" ")[2]
