"""The agent as a package that Julia 1.11 and newer keep compiled on the person's disk. Reads resources only.

The programs in this folder run in three places: `place.jl` and `load.jl` in the install command, `workload.jl` in the
package while it is compiled, `child.jl` in the process that compiles it.
"""

from __future__ import annotations

import re
import uuid

from ..sources import Piece, in_order, read
from ..stripping import stripped

FIRST_JULIA, LAST_JULIA = (1, 11), (1, 12)
"""Of each of them the calls that load an image are known to be as load.jl makes them."""
HELD = ("answers", "display", "image", "interruption", "modules", "printing", "showing", "syntax", "waiting")
"""What the workload uses, and what tells that the agent came out of an image. Each piece makes loading slower, and one
that imports a package would have that loaded as well."""

FILES = ("place", "load", "workload", "child")

_NAMESPACE = uuid.UUID("b6f5a0de-5d0f-5e0a-9d5e-3f6f7c1b2a40")


def program(name: str) -> str:
    return stripped(read(f"image/{name}.jl"))


def package_id(module_name: str) -> str:
    """The UUID that Julia knows the package by."""
    return str(uuid.uuid5(_NAMESPACE, module_name))


def place(module_name: str) -> str:
    """A Julia program whose value is the image's folder in that Julia, "" where there is none."""
    return program("place").replace("AGENT_NAME", module_name)


def loader(module_name: str) -> str:
    """Statements that bind the agent's module from its image, where there is one."""
    text = program("load").replace("IMAGE_PLACE", place(module_name).strip())
    return text.replace("AGENT_UUID", package_id(module_name)).replace("AGENT_NAME", module_name)


def contents() -> list[Piece]:
    """The pieces that an image holds."""
    return in_order(HELD)


def package_source(module_name: str, core: str) -> str:
    """`core` ends with the module's `end`; the rest goes before it."""
    body = core.rstrip().removesuffix("end")
    texts = "".join(
        f'{piece.definitions}append!(CALLABLE,{piece.call_list})\nappend!(PIECES,Any["{piece.name}",true])\n'
        for piece in contents()
    )
    work = program("workload")
    return f"{body}{texts}{work}end\n"


def is_possible(julia: str) -> bool:
    """Whether this Julia can have one, by its version."""
    found = re.match(r"(\d+)\.(\d+)", julia)
    return found is not None and FIRST_JULIA <= (int(found[1]), int(found[2])) <= LAST_JULIA
