"""Defining the agent must not throw away what Julia has compiled: everybody's first cells would pay for it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from engee_kernel import agent
from engee_kernel.agent import sources

LIMIT = 28
"""Julia 1.11 has most: 18 for the size of the display. A method of `lock` for streams has a thousand in 1.12."""
# What asks for a password (LibGit2, and Pkg that uses it) must be compiled anew: where it asks the person from now on.
ASKING = "getpass"

# A package of Julia's own that is not in the system image, as REPL from 1.11 on, throws away methods of the compiler.
PACKAGES = "of a package"

# After the methods that were thrown away a line with >> names the method that did it.
COUNT = r"""
    const PROGRAM = read(ARGS[1], String)
    say(text) = ccall(:jl_safe_printf, Cvoid, (Cstring, Cstring), "%s\n", text)
    if VERSION < v"1.6"
        # the runtime prints them
        flag = cglobal(:jl_debug_method_invalidation, Cint)
        unsafe_store!(flag, Cint(1))
        include_string(Main, PROGRAM, "none")
        unsafe_store!(flag, Cint(0))
    else
        list = ccall(:jl_debug_method_invalidation, Any, (Cint,), 1)
        include_string(Main, PROGRAM, "none")
        ccall(:jl_debug_method_invalidation, Any, (Cint,), 0)
        for item in list
            item isa Core.MethodInstance && say(string(item.def))
            item isa Method || continue
            of = string(Base.moduleroot(item.module)) in ("Main", "Base") ? "" : " of a package"
            say(string(">> ", item.name, of))
        end
    end
"""


def invalidations(julia: Path, folder: Path, program: str) -> list[str]:
    path = folder / "program.jl"
    path.write_text(program, encoding="utf-8")
    done = subprocess.run(
        [str(julia), "--startup-file=no", "-e", COUNT, str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=100,
        check=False,
    )
    text = done.stdout.decode(errors="replace")
    assert done.returncode == 0, text
    thrown_away: list[str] = []
    by_one: list[str] = []
    for line in text.splitlines():
        if not line.startswith(">>"):
            by_one.append(line)
            continue
        if ASKING not in line and PACKAGES not in line:
            thrown_away += by_one
        by_one = []
    return thrown_away + by_one


@pytest.mark.julia
def test_the_count_sees_an_invalidation(julia: Path, tmp_path: Path) -> None:
    program = "f(@nospecialize(x)) = 1\ng(x) = f(x[])\ng(Ref{Any}(1))\nf(x::Int) = 2\n"
    assert invalidations(julia, tmp_path, program)


@pytest.mark.julia
def test_the_agent_invalidates_next_to_nothing(julia: Path, tmp_path: Path) -> None:
    found = invalidations(julia, tmp_path, agent.install_command())
    assert len(found) <= LIMIT, "\n".join(found)


@pytest.mark.julia
def test_the_pieces_invalidate_next_to_nothing(julia: Path, tmp_path: Path) -> None:
    name = agent.MODULE_NAME
    listed = ",".join(
        f"{agent.literal(piece.name)},{agent.literal(piece.source)}" for piece in sources.in_order(sources.pieces())
    )
    define = f'{name}.call("define", {name}.AGENT.epoch, Any[], Any[{listed}])'
    found = invalidations(julia, tmp_path, f"{agent.install_command()}\n{define}")
    assert len(found) <= 2 * LIMIT, "\n".join(found)
