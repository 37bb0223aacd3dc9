"""What Julia has compiled already serves the first cell also where packages have made it compile some of that anew.

Engee's own streams are of a kind of their own, with methods for the keys of an IOContext. On Julia 1.12 these throw
away what shows expressions and what loads packages: who calls `which` or `import` waits until both are compiled again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from factories import environment_of
from frontend import Frontend

from engee_kernel.emulator.process import LocalEngee

pytestmark = [
    pytest.mark.julia,
    pytest.mark.skipif(os.name == "nt", reason="Julia's options are given by a shell script"),
]

# Without the mark of Julia 1.12 as well: what must not be compiled for a cell.
DEAR = re.compile(r"# recompile|typeof\(Base\.(which|require|__require|_require\w*|show_unquoted)\)")

LOADERS = """
VERSION < v"1.11" ? "older" : let found = 0
    for method in methods(Base._require_from_serialized), instance in Base.specializations(method)
        code = isdefined(instance, :cache) ? instance.cache : nothing
        while code !== nothing
            code.max_world == typemax(UInt) && (found += 1)
            code = isdefined(code, :next) ? code.next : nothing
        end
    end
    found
end
"""


@pytest.fixture
def traced(julia: Path, tmp_path: Path) -> Path:
    """The same Julia, which writes down what it compiles."""
    program = tmp_path / "julia"
    trace = tmp_path / "trace.txt"
    program.write_text(f"#!/bin/sh\nexec '{julia}' --trace-compile='{trace}' \"$@\"\n", encoding="utf-8")
    program.chmod(0o755)
    return program


@pytest.fixture
def like_engee(traced: Path) -> Iterator[LocalEngee]:
    with LocalEngee(julia=traced, like_engee=True, background=0) as engee:
        yield engee


def compiled(traced: Path) -> list[str]:
    return (traced.parent / "trace.txt").read_text(encoding="utf-8").splitlines()


def test_a_cell_an_error_and_tab_compile_nothing_of_julias_anew(
    traced: Path, like_engee: LocalEngee, tmp_path: Path
) -> None:
    before = len(compiled(traced))
    with Frontend(tmp_path, environment_of(like_engee, {})) as kernel:
        assert kernel.run("1 + 1", timeout_s=120).result == "2"
        assert kernel.run('error("x")').error["ename"] == "ErrorException"
        assert "printstyled" in kernel.ask("complete_request", code="printst", cursor_pos=7).content["matches"]
        assert "sqrt" in str(kernel.ask("inspect_request", code="sqrt", cursor_pos=4).content["data"])
        now = compiled(traced)[before:]
    assert any("EngeeKernelAgent" in line for line in now), "the trace is that of another process"
    dear = [line for line in now if DEAR.search(line)]
    assert not dear, "\n".join(dear)


def test_what_loads_packages_is_not_compiled_for_a_cell_that_loads_none(julia: Path, tmp_path: Path) -> None:
    with LocalEngee(stdio="pipes") as engee:
        http = httpx.Client(base_url=engee.session_url, headers={"Authorization": f"Bearer {engee.token}"}, timeout=120)

        def usable() -> str:
            return http.post("external/command/eval", json={"command": LOADERS}).text

        with http:
            before = usable()
            if "older" in before:
                pytest.skip("needs Julia 1.11, which tells what it has compiled")
            assert "error" not in before
            with Frontend(tmp_path, environment_of(engee, {})) as kernel:  # the agent is sent while it starts
                assert kernel.run("1 + 1", timeout_s=120).result == "2"
            assert usable() == before
