"""The agent in pieces: what is sent means what is written, and every call finds what it needs."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path

import pytest
from test_agent_loader import evaluate

from engee_kernel import agent
from engee_kernel.agent import sources
from engee_kernel.agent.stripping import stripped

SAME_TREES = r"""
    is_text(x) = x isa String || (x isa Expr && x.head === :string)
    # without line numbers; a doc string and what it stands at become that alone
    function bare(x)
        x isa Expr || return x
        if x.head === :macrocall && x.args[1] == GlobalRef(Core, Symbol("@doc")) && is_text(x.args[3])
            return bare(x.args[4])
        end
        args = Any[bare(a) for a in x.args if !(a isa LineNumberNode)]
        # a doc string at the end of a piece of text, or one in front of a comment, is a value of its own
        return Expr(x.head, args...)
    end
    tree(text) = bare(isdefined(Meta, :parseall) ? Meta.parseall(text) : Base.parse_input_line(text))
    broken(x) = x isa Expr && (x.head in (:error, :incomplete) || any(broken, x.args))
    join([string(!broken(tree(a)) && tree(a) == tree(b)) for (a, b) in zip(ORIGINAL, STRIPPED)], ",")
"""

OWN_EPOCH = f'{agent.MODULE_NAME}.AGENT.epoch = "e"'

TRICKY = [
    'a = "# no comment" # a comment\nb = \'#\' # "another"\n',
    'c = """\n    # text\n  "quoted" \\""" more\n"""\nd = 1\n',
    "e = x' # transposed\nf = [1 2]' .+ y.z' # 'c'\ng = 'a'\nh = '\\''\ni = '\\\\'\n",
    'j = "$(f("#", \'"\', (1, 2))) # in" # out\nk = "\\$(" # out\n',
    'l = r"#\\d+\\"" # out\nm = raw"\\$(" # out\nn = `echo "#" \'x y\'` # out\n',
    "#= block #= nested =# still =# o = 1\np = 2 #= inside =# + 3\n",
    '"doc # string"\nq() = 1\n\n"""\ndoc\n"""\nr() = "x"\n',
    "s = :(begin\n    1 # one\n    # nothing\n\n    t(x) = x\n  end)\n",
    "u = Dict('a' => 1, '\"' => 2)\nv = \"α # β\" # γ\nw! = x -> x'\n",
]


# in the first column, where the agent's definitions stand
DEFINED = re.compile(r"^(?:function |(?:mutable )?struct )([A-Za-z_]\w*!?)|^([A-Za-z_]\w*!?)\(.*\) =", re.MULTILINE)
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def defined(text: str) -> set[str]:
    return {long or short for long, short in DEFINED.findall(text)}


def test_a_piece_calls_another_only_by_its_name() -> None:
    """By `from_piece`, which defines it first, unless it needs it: else it is there or not as chance has it."""
    codes = {name: STRING.sub('""', stripped(piece.text)) for name, piece in sources.pieces().items()}
    codes["core"] = STRING.sub('""', sources.core())
    of_core = defined("".join(sources.read(f"core/{name}.jl") for name in sources.CORE))
    wrong = []
    for name, piece in sources.pieces().items():
        for function in defined(piece.text) - of_core:
            called = re.compile(rf"(?<![\w:.!]){re.escape(function)}\(")
            for caller in (caller for caller, code in codes.items() if called.search(code)):
                if caller == "core" or name not in {one.name for one in sources.in_order([caller])}:
                    wrong.append(f"{caller} calls {function} of {name}")
    assert not wrong, wrong


@pytest.mark.julia
def test_stripping_changes_nothing_but_what_people_read(julia: Path, tmp_path: Path) -> None:
    package = resources.files("engee_kernel.agent")
    texts = [
        entry.read_text(encoding="utf-8")
        for folder in ("core", "pieces")
        for entry in package.joinpath(folder).iterdir()
        if entry.name.endswith(".jl")
    ]
    originals = [*TRICKY, *texts]
    program = SAME_TREES.replace("ORIGINAL", agent.literal(originals))
    program = program.replace("STRIPPED", agent.literal([stripped(text) for text in originals]))
    [answer] = evaluate(julia, tmp_path, program)
    same = dict(zip(originals, answer.split(","), strict=True))
    assert len(same) > 30
    assert [text for text, is_same in same.items() if is_same != "true"] == []


def test_stripped_source_is_shorter() -> None:
    assert stripped("# c\nf(x) = 1   # d\n\n    g = 2\n") == "f(x) = 1\ng = 2\n"
    whole = sum(len(sources.read(f"core/{name}.jl")) for name in sources.CORE)
    assert len(sources.core()) < 0.75 * whole


@pytest.mark.julia
def test_every_piece_can_be_defined_and_only_once(julia: Path, tmp_path: Path) -> None:
    name = agent.MODULE_NAME
    pieces = sources.pieces()
    programs = [agent.install_command()]
    for piece in pieces.values():
        needed = [*(pieces[other] for other in piece.needs), piece]
        listed = ",".join(f"{agent.literal(one.name)},{agent.literal(one.source)}" for one in needed)
        programs.append(f'{name}.call("define", {name}.AGENT.epoch, Any[], Any[{listed}])')
    programs.append(f'{name}.call("define", {name}.AGENT.epoch, Any[], Any["files", "error(1)"])')
    programs.append(f'join([string(c in {name}.CALLABLE) for c in {agent.literal(_calls())}], ",")')
    *replies, repeated, there = evaluate(julia, tmp_path, *programs)
    assert sorted(json.loads(replies[-1])["pieces"]) == sorted(pieces)
    assert "error" not in json.loads(repeated), "what is there is not defined again"
    assert set(there.split(",")) == {"true"}


@pytest.mark.julia
def test_a_call_brings_what_it_needs_and_says_what_it_lacks(julia: Path, tmp_path: Path) -> None:
    lacking = agent.call("complete", "e", "nb", "printl", 6, False, known=["lookup", "completion"])
    bringing = agent.call("complete", "e", "nb", "printl", 6, False)
    broken = bringing.replace("function complete(", "error(1)\\nfunction complete(")
    programs = [agent.install_command(), OWN_EPOCH, lacking, broken, bringing, lacking, agent.call("hello")]
    _, _, first, failed, second, third, hello = evaluate(julia, tmp_path, *programs)
    assert json.loads(first) == {"error": "piece", "call": "complete"}
    assert json.loads(failed)["error"] == "internal", "half a piece is no piece"
    assert "println" in json.loads(second)["found"]
    assert json.loads(third) == json.loads(second)
    assert {"lookup", "completion"} <= set(json.loads(hello)["pieces"])


@pytest.mark.julia
def test_pieces_come_in_short_commands(julia: Path, tmp_path: Path) -> None:
    parts = agent.piece_commands("sha256", "e", [], 3000)
    assert len(parts) > 2
    assert max(len(part.encode()) for part in parts) <= 3000
    call = agent.call("sha256", "e", __file__, known=agent.pieces_for("sha256"))
    programs = [agent.install_command(), OWN_EPOCH, call, *parts, call]
    _, _, before, *_, last, after = evaluate(julia, tmp_path, *programs)
    assert json.loads(before)["error"] == "piece"
    assert json.loads(last)["pieces"] == ["files"]
    assert json.loads(after)["size_bytes"] == Path(__file__).stat().st_size


def test_a_cell_s_own_calls_carry_no_piece() -> None:
    for function in ("submit", "events", "finish", "interrupt"):
        assert agent.pieces_for(function) == frozenset()
    for function in ("answer", "open_prompt"):
        assert agent.pieces_for(function) == frozenset(), "came with the core"
    assert agent.pieces_for("exchange_take") == {"exchange", "files", "payloads"}
    known = agent.calls([("sha256", "e", "a"), ("sha256", "e", "b")])
    assert "SHA2_256" in known[0]
    assert "SHA2_256" not in known[1]


def _calls() -> list[str]:
    return [call for piece in sources.pieces().values() for call in piece.calls]
