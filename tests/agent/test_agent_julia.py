"""The agent's tests in Julia: one pytest test per file, two Julia processes at a time."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from engee_kernel import agent

HERE = Path(__file__).parent
FILES = sorted(path.name for path in HERE.glob("*_test.jl"))
SEVERAL_THREADS = {"threads_test.jl", "children_test.jl"}
LIMIT_S = 240

Outcome = tuple[int, str]


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, julia: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Outcome]]]:
    """The selected files' runs, started at once."""
    install = tmp_path_factory.mktemp("agent") / "install.jl"
    install.write_text(agent.install_command(), encoding="utf-8", newline="\n")
    needed = install.with_name("needed.jl")
    needed.write_text(agent.needed_by_call(), encoding="utf-8", newline="\n")
    environment = {**os.environ, "AGENT_INSTALL": str(install), "AGENT_NEEDED": str(needed)}

    def run(name: str) -> Outcome:
        command = [str(julia), "--startup-file=no", "--color=no", name]
        threads = "2" if name in SEVERAL_THREADS else "1"
        try:
            done = subprocess.run(
                command,
                cwd=HERE,
                env={**environment, "JULIA_NUM_THREADS": threads},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            return -1, (error.stdout or b"").decode(errors="replace") + f"\nnot done after {LIMIT_S} s"
        return done.returncode, done.stdout.decode(errors="replace")

    selected = {
        item.callspec.params["name"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == Path(__file__) and hasattr(item, "callspec")
    }
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield {name: pool.submit(run, name) for name in FILES if name in selected}


@pytest.mark.julia
@pytest.mark.slow
@pytest.mark.timeout(3 * LIMIT_S)
@pytest.mark.parametrize("name", FILES)
def test_agent(name: str, outcomes: dict[str, Future[Outcome]]) -> None:
    code, output = outcomes[name].result(timeout=3 * LIMIT_S)
    assert code == 0, f"{name}:\n{output}"
    assert "Test Summary" in output
