"""%%controls: the masks of a cell as controls below it, which run the cell again."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..cells.cell import Cell
from ..cells.output import Output
from ..facts.errors import UsageError
from ..facts.events import Display
from ..masks.form import Form, read_form
from ..records.journal import notebook_key
from ..scripts.origin import is_of_script
from .grammar import split_cell
from .magic import Context, Magic, RunCell

if TYPE_CHECKING:
    from ..controls.book import Book, Entry
    from ..controls.stage import Stage

NAME = "%%controls"
INSTALL = 'Install it with: pip install "engee-kernel[widgets]"'
WRITTEN_NEXT = "Run this cell once more (Shift+Enter): then these values are in its code."
EXAMPLE = 'g = 9.8  # @param {type:"slider", min:0, max:20}'


class Controls(Magic):
    name = NAME
    help = 'Show the cell\'s masks, such as # @param {type:"slider"}, as controls that run the cell again.'
    epilog = f"""\
example:
  %%controls
  {EXAMPLE}
  println(g^2)
types: slider, number, integer, string, boolean, raw; a list such as ["euler", "rk4"].
# @title and # @markdown are shown as text.
In papermill, nbconvert and other programs that take no input the cell runs as if this line were not there."""
    needs_code = True

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        stage = context.kernel.stage
        if stage is None:
            return  # nobody is there to move a control
        form = read_form(context.code)
        tell(context, form)
        if not form.masks:
            context.output.notice(f"{NAME}: this cell has no mask. Expected, for example: {EXAMPLE}")
            return
        try:
            await show(context, stage, form)
        except ImportError as error:
            raise UsageError(
                f"{NAME} needs the package ipywidgets, which can't be loaded: {error}.", INSTALL
            ) from error


async def show_by_itself(context: Context) -> None:
    """The controls of a cell without the magic, where the setting asks for them."""
    stage, choice = context.kernel.stage, context.kernel.settings.controls
    if stage is None or choice == "asked":
        return
    if choice == "scripts" and not is_of_script(_file(context)):
        return
    form = read_form(context.code)
    tell(context, form)
    if not form.masks:
        return
    try:
        await show(context, stage, form)
    except ImportError as error:
        remark = f"This cell's controls are not shown: ipywidgets can't be loaded ({error}). {INSTALL}"
        if book_of(context).is_new(remark):
            context.output.notice(remark)


def _file(context: Context) -> Path:
    return Path(notebook_key(os.environ, str(Path.cwd()), context.kernel.file))


def tell(context: Context, form: Form) -> None:
    """Which masks show no control; each is told once."""
    book = book_of(context)
    for remark in form.remarks:
        line = form.code.split("\n")[remark.line - 1]
        if book.is_new(f"{remark} {line}"):
            context.output.notice(str(remark))


def book_of(context: Context) -> Book:
    from ..controls.book import Book  # noqa: PLC0415 - for cells with masks only

    if context.kernel.controls is None:
        context.kernel.controls = Book()
    return context.kernel.controls


async def show(context: Context, stage: Stage, form: Form) -> None:
    """Show the panel, and let the cell's output go there. Raises ImportError."""
    from ..controls.book import Entry  # noqa: PLC0415
    from ..controls.panel import Panel  # noqa: PLC0415 - an extra
    from ..controls.rounds import Rounds  # noqa: PLC0415

    book = book_of(context)
    present, written = form, context.cell.code
    asked = book.to_write(stage.front_cell, written)
    if asked is not None:
        # front ends but JupyterLab take another code for a cell in the answer to the cell only
        form = read_form(form.with_codes(form.carried(asked.form, asked.panel.codes)))
    if form.code != present.code:
        context.code, written = form.code, whole(written, form.code)
        payload = {"source": "set_next_input", "text": written, "replace": True}
        context.replies.setdefault("payload", []).append(payload)

    async def again() -> None:
        await stage.run_again(newest, panel)

    def newest() -> str | None:
        if not rounds.begun():
            return None
        panel.begin_again()
        return whole(without_magic(written), panel.code())

    def change() -> None:
        if entry.writes:
            show_written()  # the newest values
        rounds.ask()

    async def write() -> None:
        before, changed = entry.form, panel.code()
        entry.writes = changed != before.code
        if not entry.writes:
            panel.say("The code has these values already.")
        elif await stage.write(whole(written, before.code), whole(written, changed)):
            entry.form, entry.writes = read_form(changed), False
            panel.say("Written into the cell.")
        elif entry.writes:  # else the cell was run meanwhile, and they are in its code
            show_written()

    def show_written() -> None:
        pairs = zip(entry.form.code.split("\n"), panel.code().split("\n"), strict=True)
        panel.say(WRITTEN_NEXT, "\n".join(now for was, now in pairs if now != was))

    rounds = Rounds(again)
    panel = Panel(form, changed=change, wrote=write, forward=stage.forward)
    # until it has run without an error the cell may have its old code: JupyterLab takes no other behind an error
    entry = Entry(written, present, panel, rounds, writes=asked is not None)
    book.shows(stage.front_cell, entry)
    context.around.append(lambda run: _writing(entry, form, run))
    await context.output.publish(Display(panel.bundle()))
    stage.redirect(panel)


def _writing(entry: Entry, form: Form, run: RunCell) -> RunCell:
    async def run_it(cell: Cell, output: Output) -> None:
        await run(cell, output)
        if cell.done is not None and cell.done.status == "ok":
            entry.form, entry.writes = form, False

    return run_it


def whole(cell: str, code: str) -> str:
    """The cell with `code`, in which its magics are empty lines, below its magics."""
    return _magics_of(cell) + code.lstrip("\n")


def without_magic(cell: str) -> str:
    """The cell with an empty line in place of %%controls."""
    magics = _magics_of(cell)
    lines = ["" if line.split()[:1] == [NAME] else line for line in magics.split("\n")]
    return "\n".join(lines) + cell[len(magics) :]


def _magics_of(cell: str) -> str:
    return cell[: len(cell) - len(split_cell(cell)[1].lstrip("\n"))]


MAGICS = (Controls,)
