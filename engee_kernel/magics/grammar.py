"""Which lines of a cell are magics, and their words. No I/O.

The leading lines that begin with `%` and a letter are magics, `%name …` or `%%name …`; the first line that is not
ends them, and all from there on is Julia, for which `%(5, 3)` is the remainder. A `%` with nothing behind it is a
magic whose name is not typed yet.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass

from ..facts.errors import UsageError


@dataclass(frozen=True)
class Call:
    """One magic line: `%%job --name a` is Call("%%job", "--name a")."""

    name: str
    text: str

    def words(self) -> list[str]:
        """The arguments as a shell would split them; on Windows a backslash is a plain character.

        Raises UsageError for a quotation mark that is not closed.
        """
        try:
            return split_words(self.text)
        except ValueError as error:
            raise UsageError(f"{self.name} {self.text}: {error}.", "Close the quotation mark.") from error


def split_words(text: str) -> list[str]:
    """Raises ValueError for a quotation mark that is not closed."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    if os.name == "nt":
        lexer.escape = ""
    return list(lexer)


def _is_magic(line: str) -> bool:
    """Of a line without white space around it."""
    behind = line[2:3] if line.startswith("%%") else line[1:2]
    return line.startswith("%") and (not behind.strip() or behind.isalpha())


def split_cell(code: str) -> tuple[list[Call], str]:
    """The magics of a cell and its Julia code.

    The code keeps an empty line for each line taken off, so that line numbers in stack traces are the cell's.
    """
    lines = code.split("\n")
    calls: list[Call] = []
    for number, line in enumerate(lines):
        stripped = line.strip()
        if _is_magic(stripped):
            name, _, text = stripped.partition(" ")
            calls.append(Call(name, text.strip()))
        elif stripped:
            return calls, "\n" * number + "\n".join(lines[number:]) if calls else code
    return calls, "" if calls else code


def julia_of(code: str) -> str:
    """A cell's code without its magics."""
    return split_cell(code)[1]


def magic_line_at(code: str, cursor: int) -> tuple[int, str] | None:
    """Where the cursor's line begins and its text up to the cursor, if that line is a magic; else None."""
    calls, rest = split_cell(code[:cursor])
    start = code.rfind("\n", 0, cursor) + 1
    line = code[start:cursor]
    if not rest.strip() and calls and _is_magic(line.strip()):
        return start, line
    return None


def completeness(code: str) -> tuple[str, str]:
    """A cell's is_complete status and ""; where it is for Julia to say, "" and the Julia code.

    As in IPython a cell magic ends with an empty line.
    """
    calls, rest = split_cell(code)
    if any(call.name.startswith("%%") for call in calls):
        return ("complete" if rest.strip() and code.endswith("\n") else "incomplete"), ""
    if calls and not rest.strip():
        return "complete", ""
    return "", rest
