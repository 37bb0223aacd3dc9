"""The agent's Julia sources: a core, and pieces that are defined when they are first needed. Reads resources only.

The first comment lines of a piece say what it is made of:

    # needs: lookup, …      other pieces that must be there
    # calls: complete, …    the agent's calls that it answers
    # with the core         its text is installed together with the core, for cells that need it in their middle
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from .stripping import stripped

# In the order in which Julia needs them.
CORE = (
    "state",
    "pieces",
    "writing",
    "events",
    "routing",
    "capture",
    "descriptors",
    "input",
    "values",
    "evaluation",
    "errors",
    "worker",
    "calls",
    "user",
    "start",
)
CORE_CALLS = frozenset({"submit", "events", "define"})

_HEADER = re.compile(r"^# (needs|calls): (.+)$", re.MULTILINE)
_WITH_CORE = "# with the core"


_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Piece:
    """`text` is as it was written."""

    name: str
    text: str
    needs: tuple[str, ...]
    calls: tuple[str, ...]
    with_core: bool

    @cached_property
    def definitions(self) -> str:
        return stripped(self.text)

    @property
    def call_list(self) -> str:
        """The list of its calls in Julia: name, function, …"""
        calls = ",".join(f'"{call}",{call}' for call in self.calls)
        return f"Any[{calls}]"

    @property
    def source(self) -> str:
        """What Julia gets; its value is the list of its calls."""
        return f"{self.definitions}{self.call_list}\n"


@cache
def core() -> str:
    """The core's definitions, to be put into a module."""
    return "".join(stripped(read(f"core/{name}.jl")) for name in CORE)


@cache
def pieces() -> dict[str, Piece]:
    """All pieces by name."""
    return {name: _piece(name) for name in _piece_names()}


def origins() -> str:
    """What core and pieces are made from, as it is written, and what makes them of it: equal origins, equal modules."""
    written = [*(f"core/{name}.jl" for name in CORE), *(f"pieces/{name}.jl" for name in _piece_names())]
    return "".join(map(read, [*written, "stripping.py", "sources.py"]))


def _piece_names() -> list[str]:
    return sorted(path.stem for path in (_FOLDER / "pieces").glob("*.jl"))


def in_order(names: Collection[str]) -> list[Piece]:
    """These pieces and what they need, each behind those that it needs."""
    found: dict[str, Piece] = {}

    def add(name: str) -> None:
        if name not in found:
            for other in pieces()[name].needs:
                add(other)
            found[name] = pieces()[name]

    for name in names:
        add(name)
    return list(found.values())


def needed(calls: Collection[str], known: Collection[str]) -> list[Piece]:
    """The pieces that must travel with these calls, in order.

    `known`: what the session has. What came with the core never travels: the agent has its text.
    """
    holders = [_holders()[call] for call in calls if call not in CORE_CALLS]
    return [piece for piece in in_order(holders) if piece.name not in known and not piece.with_core]


def with_core() -> list[Piece]:
    return [piece for piece in pieces().values() if piece.with_core]


@cache
def read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


@cache
def _holders() -> dict[str, str]:
    return {call: piece.name for piece in pieces().values() for call in piece.calls}


def _piece(name: str) -> Piece:
    text = read(f"pieces/{name}.jl")
    head = text.partition("\n\n")[0]
    fields = {key: tuple(word.strip() for word in words.split(",")) for key, words in _HEADER.findall(head)}
    return Piece(name, text, fields.get("needs", ()), fields.get("calls", ()), _WITH_CORE in head.splitlines())
