"""Errors as a person reads them: a real Julia's facts, and what Python makes of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from test_agent_image import version_of

from engee_kernel import agent
from engee_kernel.agent import traces
from engee_kernel.agent.dialogue import read_cell
from engee_kernel.facts.events import Failure, decode
from engee_kernel.messages.tracebacks import error_content

FILE = "h() = sqrt(-1.0)\nh()\n"
CELLS = {
    3: 'x = 1\nerror("boo $x")',
    11: '@noinline f(x) = g(x)\n\nfunction g(x)\n    x > 2 && throw(DomainError(x, "too big"))\n    return x\nend',
    12: "1\nf(3)",
    13: "undefined_name",
    14: '1\n\nfor i in 1:3\n    i == 2 && error("two")\nend',
    15: '\ninclude("PATH/mine.jl")',
    16: 'try; error("first"); catch; error("second"); end',
    17: 'fetch(@async error("inside"))',
    18: "deep(n) = deep(n + 1) + 1; deep(1)",
    19: "struct Odd <: Exception end; Base.showerror(io::IO, ::Odd) = error(1)\nthrow(Odd())",
    21: "global ran = 1\ny = )",
    22: "x = 1\n\nwhile true\n  x",
}

Error = Mapping[str, Any]


@pytest.fixture(scope="module")
def errors(julia: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Error]]:
    """The error events of all cells, by the cell's number."""
    folder = tmp_path_factory.mktemp("traces")
    (folder / "mine.jl").write_text(FILE, encoding="utf-8")
    name = agent.MODULE_NAME
    lines = ["const OUT = stdout", f"include_string(Main, {agent.literal(agent.install_command())})"]
    for count, code in CELLS.items():
        arguments = f'Any["nb","cell {count}",{count},{agent.literal(code.replace("PATH", folder.as_posix()))}'
        sent = f'{name}.call("submit",{name}.AGENT.epoch,{arguments},0.0,String[],Any[]],nothing)'
        asked = f'{name}.call("finish",{name}.AGENT.epoch,Any["cell {count}"],nothing)'
        call = f"({sent}; {asked})"
        lines.append(f"println(OUT, Base.invokelatest(include_string, Main, {agent.literal(call)}))")
    program = folder / "program.jl"
    program.write_text("\n".join(lines), encoding="utf-8")
    done = subprocess.run(
        [str(julia), "--startup-file=no", str(program)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    replies = done.stdout.decode().splitlines()
    assert len(replies) == len(CELLS)
    found: dict[int, Error] = {}
    for count, reply in zip(CELLS, replies, strict=True):
        for event in read_cell(reply).events:
            if event["t"] == "error":
                found[count] = event
    yield found


def places(error: Error) -> list[tuple[str, str, int]]:
    return [(frame["func"], frame["file"], frame["line"]) for frame in error["frames"] if frame["user"]]


@pytest.mark.julia
def test_an_error_names_cell_and_line(errors: dict[int, Error]) -> None:
    error = errors[3]
    assert places(error)[-1][1:] == ("In[3]", 2)
    assert error["full"].startswith("boo 1")
    assert "In[3]:2" in error["full"]
    for text in ("EngeeKernelAgent", "include_string", "eval"):
        assert text not in error["full"]
    assert not any("EngeeKernelAgent" in frame["file"] for frame in error["frames"])
    assert set(error) <= {"n", "t", "type", "short", "message", "frames", "full"}


@pytest.mark.julia
def test_functions_nested_cells_loops_files(errors: dict[int, Error]) -> None:
    assert places(errors[12]) == [("g", "In[11]", 4), ("f", "In[11]", 1), ("top-level scope", "In[12]", 2)]
    assert "f(::Int64)" in errors[12]["full"]
    assert places(errors[13]) == [("top-level scope", "In[13]", 1)]
    assert "In[13]:1" in errors[13]["full"]
    assert places(errors[14])[-1][1:] == ("In[14]", 4)
    assert errors[15]["type"] == "LoadError"
    own = places(errors[15])
    assert next(place[0] for place in own if place[1].endswith("mine.jl")) == "h"
    assert own[-1][1:] == ("In[15]", 2)


@pytest.mark.julia
def test_causes_and_tasks(errors: dict[int, Error]) -> None:
    assert "caused by: first" in errors[16]["full"]
    assert errors[16]["full"].index("second") < errors[16]["full"].index("caused by: first")
    assert [(cause["type"], cause["message"]) for cause in errors[16]["causes"]] == [("ErrorException", "first")]
    assert ("top-level scope", "In[16]", 1) in places(errors[16]["causes"][0])
    assert errors[17]["type"] == "TaskFailedException"
    assert "inside" in errors[17]["message"]
    assert errors[17]["causes"][0]["message"] == "inside"


@pytest.mark.julia
def test_what_a_person_sees_of_causes_and_of_a_recursion(errors: dict[int, Error]) -> None:
    failure = decode(errors[16])
    assert isinstance(failure, Failure)
    shown = "\n".join(error_content(failure)["traceback"])
    assert shown.index("second") < shown.index("caused by:") < shown.index("first")
    assert shown.count("In[16]:1") == 2, shown
    failure = decode(errors[18])
    assert isinstance(failure, Failure)
    shown = "\n".join(error_content(failure)["traceback"])
    assert "(the last line is repeated " in shown
    assert len(shown.splitlines()) < 30, shown


@pytest.mark.julia
def test_a_deep_recursion_is_folded(errors: dict[int, Error]) -> None:
    full = errors[18]["full"]
    assert "repeated" in full
    assert len(full.splitlines()) < 40, full
    assert "more frames" in full
    assert len(errors[18]["frames"]) <= traces.FRAMES_LIMIT


@pytest.mark.julia
def test_code_that_does_not_parse(julia: Path, errors: dict[int, Error]) -> None:
    assert places(errors[21]) == [("top-level scope", "In[21]", 2)]
    assert "In[21]:2" in errors[21]["full"]
    # where the loop begins; from 1.10 on, with another parser, where the code ends
    line = 3 if tuple(map(int, version_of(julia).split(".")[:2])) < (1, 10) else 4
    assert places(errors[22]) == [("top-level scope", "In[22]", line)]
    assert f"In[22]:{line}" in errors[22]["full"]


@pytest.mark.julia
def test_an_error_that_cannot_be_shown(errors: dict[int, Error]) -> None:
    assert errors[19]["type"] == "Odd"
    assert errors[19]["full"]


def test_other_events_and_ready_errors_stay_as_they_are() -> None:
    for event in ({"t": "stream", "name": "stdout", "text": "x"}, {"t": "error", "frames": [], "full": "x"}):
        assert traces.completed(event) is event


def test_both_styles_of_a_trace() -> None:
    raw = [
        ["f", "./In[2]", 3, False, False, "Tuple{typeof(f),Array{Int64,1},Dict{String,Int64}}"],
        ["inner", "/user/x.jl", 7, True, True, ""],
        ["top-level scope", "In[2]", 1, False, False, ""],
        ["eval", "./boot.jl", 331, True, False, ""],
        ["work", "Agent.jl", 5, False, False, ""],
    ]
    event = {"t": "error", "n": 1, "type": "E", "short": "E()", "message": "m", "cell": "In[2]", "line": 1, "raw": raw}
    event.update({"causes": [], "agent": "Agent.jl"})
    old = traces.completed({**event, "julia": "1.5.3"})["full"]
    assert old == (
        "m\nStacktrace:\n [1] f(::Array{Int64,1}, ::Dict{String,Int64}) at In[2]:3\n"
        " [2] inner at /user/x.jl:7 [inlined]\n [3] top-level scope at In[2]:1"
    )
    new = traces.completed({**event, "julia": "1.12.0"})["full"]
    assert " [2] inner\n   @ /user/x.jl:7 [inlined]\n [3] top-level scope\n   @ In[2]:1" in new
    json.dumps(new)
