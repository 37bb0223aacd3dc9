"""The Python side of the agent: literals, calls and install commands, checked by a real Julia."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest

from engee_kernel import agent

ALPHABETS = (
    'ab\\"$()\n\r\t 0123456789abcdefx',
    "".join(map(chr, range(32))) + "\x7f\x80\x9f\xa0",
    "αжЯ€漢字\u2028\u2029\ufeff\u200b\u0301",
    "😀🇷🇺\U0010ffff\ufffe\ue000",
)


def evaluate(julia: Path, tmp_path: Path, *programs: str) -> list[str]:
    """What Engee's eval would give for each of the programs, run one after the other in one Julia."""
    names = []
    for number, program in enumerate(programs):
        path = tmp_path / f"{number}.jl"
        path.write_text(program, encoding="utf-8", newline="")
        names.append(path.name)
    code = "const OUT = stdout; for name in ARGS; println(OUT, include_string(Main, read(name, String))); end"
    done = subprocess.run(
        [str(julia), "--startup-file=no", "-e", code, *names],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode().splitlines()


@pytest.mark.julia
def test_string_literals_mean_the_same_in_julia(julia: Path, tmp_path: Path) -> None:
    rng = random.Random(20260101)  # noqa: S311
    texts = ["", "$x", "\\u0041", '"""', "\x007", "\x1bf", "a\\", "$(exit(1))", "\r\n"]
    for _ in range(600):
        alphabet = rng.choice(ALPHABETS) + rng.choice(ALPHABETS)
        texts.append("".join(rng.choice(alphabet) for _ in range(rng.randrange(30))))
    for _ in range(200):
        points = (rng.randrange(0x110000) for _ in range(10))
        texts.append("".join(chr(point) for point in points if not 0xD800 <= point <= 0xDFFF))
    [answer] = evaluate(julia, tmp_path, f'join([bytes2hex(codeunits(x)) for x in {agent.literal(texts)}], ",")')
    assert answer.split(",") == [text.encode().hex() for text in texts]


@pytest.mark.julia
def test_other_literals(julia: Path, tmp_path: Path) -> None:
    values: list[agent.Argument] = [None, True, False, -3, 0.1, 1e300, float("inf"), float("nan"), [], ["a"]]
    program = "string(Any[" + ",".join(agent.literal(value) for value in values) + "])"
    [answer] = evaluate(julia, tmp_path, program)
    assert answer == 'Any[nothing, true, false, -3, 0.1, 1.0e300, Inf, NaN, String[], ["a"]]'


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        agent.call("submit", "\ud800")


@pytest.mark.julia
def test_install_call_and_install_again(julia: Path, tmp_path: Path) -> None:
    pieces = agent.install_commands(20_000)
    assert len(pieces) > 2
    assert max(len(piece.encode()) for piece in pieces) <= 20_000
    missing, *replies = evaluate(
        julia,
        tmp_path,
        agent.call("events", "epoch", "cell", 0, 0.0),
        pieces[-1],
        *pieces,
        agent.install_command(),
        agent.call("hello"),
        agent.call("events", "epoch", "cell", 0, 0.0, max_bytes=5),
        "string(isempty(EngeeKernelPieces))",
    )
    assert json.loads(missing) == {"error": "missing"}
    assert json.loads(replies[0]) == {"error": "missing"}
    assert replies[1 : len(pieces)] == ["{}"] * (len(pieces) - 1)
    hellos = [json.loads(reply) for reply in replies[len(pieces) : len(pieces) + 3]]
    assert len({hello["epoch"] for hello in hellos}) == 1
    assert json.loads(replies[-2])["error"] == "epoch"
    assert replies[-1] == "true"


@pytest.mark.julia
def test_a_newer_agent_beside_an_older_one(julia: Path, tmp_path: Path) -> None:
    older = agent.install_command().replace(agent.MODULE_NAME, "EngeeKernelAgent_00000000")
    body = """
    function both(name)
        agent = getfield(Main, Symbol(name))
        code = "print(1); display(2); EngeeKernel.clear_output(); run(`printf 3`); 4"
        agent.call("submit", agent.AGENT.epoch, Any["nb", "cell", 1, code, 0.0, String[], Any[]], nothing)
        agent.call("finish", agent.AGENT.epoch, Any["cell"], nothing)
    end
    join([both("%s"), both("EngeeKernelAgent_00000000")], "\\n")
    """
    *_, first, second = evaluate(julia, tmp_path, older, agent.install_command(), body % agent.MODULE_NAME)
    for reply in (first, second):
        kinds = [event.get("text", event["t"]) for event in json.loads(reply)["events"]]
        assert kinds == ["1", "display", "clear", "3", "result", "done"]


def test_the_install_command_fits_and_the_pieces_are_refused_when_too_small() -> None:
    assert agent.install_commands(10**6) == [agent.install_command()]
    with pytest.raises(ValueError, match=r"room|bytes"):
        agent.install_commands(300)


def test_a_call_is_short() -> None:
    assert len(agent.call("events", "0123456789abcdef", "x" * 36, 3, 10.0)) < 220
