"""Lines that begin with % at the top of a cell: what the kernel does itself, before or instead of Julia."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from ..errors import UsageError


@dataclass(frozen=True)
class Routing:
    """The Julia part of a cell and how to run it."""

    code: str
    as_job: bool = False
    name: str | None = None


def split_magics(code: str) -> Routing:
    """Take the magic lines off a cell. Raises UsageError for one that does not exist or is called wrongly."""
    first, _, rest = code.lstrip().partition("\n")
    if not first.startswith("%"):
        return Routing(code)
    try:
        words = shlex.split(first)
    except ValueError as error:
        raise UsageError(f"{first}: {error}.", "Close the quotation mark.") from error
    if words[0] != "%%job":
        raise UsageError(f"There is no magic {words[0]}.", "There is: %%job [--name NAME]")
    name = None
    if words[1:2] == ["--name"] and len(words) == 3:
        name = words[2]
    elif len(words) > 1:
        raise UsageError(f"%%job does not understand “{' '.join(words[1:])}”.", "Usage: %%job [--name NAME]")
    if not rest.strip():
        raise UsageError("%%job needs code to run.", "Put the Julia code on the lines below %%job.")
    # the blank line keeps line numbers in stack traces as the person sees them
    return Routing("\n" + rest, as_job=True, name=name)
