"""The agent's package image: where it lies, what is done where it is missing, damaged or not possible.

What is asked of Julia 1.5 is that it never comes near an image. What needs 1.11 is skipped on another Julia.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from functools import cache
from pathlib import Path

import pytest

from engee_kernel import agent

LIMIT_S = 240

ASK = """
const OUT = stdout  # as it is before the agent takes its place
ask(text) = include_string(Main, replace(text, "EPOCH" => EPOCH))
const INSTALL, STATE, BUILD = map(name -> read(joinpath(ENV["PROGRAMS"], name), String), ("install", "state", "build"))
const HELLO = include_string(Main, INSTALL)
const EPOCH = match(r"\\"epoch\\":\\"(\\w+)\\"", HELLO)[1]
const MINE = getfield(Main, :NAME)
function submit(code)
    Base.invokelatest(MINE.call, "submit", EPOCH, Any["nb", code, 1, code, 5.0, String[], Any[]], nothing)
    return Base.invokelatest(MINE.call, "finish", EPOCH, Any[code], nothing)
end
show_line(text) = println(OUT, text)
show_line(HELLO)
"""


@cache
def version_of(julia: Path) -> str:
    done = subprocess.run(
        [str(julia), "--startup-file=no", "-e", "print(VERSION)"], capture_output=True, check=True, timeout=60
    )
    return done.stdout.decode()


def run(julia: Path, folder: Path, code: str, *flags: str) -> list[dict[str, object]]:
    """The replies that a fresh Julia with the agent prints, `folder` being the person's."""
    programs = folder.parent / "programs"
    programs.mkdir(exist_ok=True)
    texts = {
        "install": agent.install_command(),
        "state": agent.call("image_state", "EPOCH", *agent.image_place()),
        "build": agent.call("image_build", "EPOCH", *agent.image_order()),
    }
    for name, text in texts.items():
        (programs / name).write_text(text, encoding="utf-8", newline="\n")
    script = programs / "script.jl"
    script.write_text(ASK.replace("NAME", agent.MODULE_NAME) + code, encoding="utf-8", newline="\n")
    done = subprocess.run(
        [str(julia), "--startup-file=no", *flags, str(script)],
        env={**os.environ, "PROGRAMS": str(programs), "ENGEE_USER_DIR": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


@pytest.fixture
def user_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "user"
    folder.mkdir()
    return folder


@pytest.fixture
def newer_julia(julia: Path) -> Path:
    version = version_of(julia)
    if not agent.image.is_possible(version):
        pytest.skip(f"needs Julia 1.11; this is {version}")
    return julia


def built_image(julia: Path, user_dir: Path) -> Path:
    run(julia, user_dir, BUILD_AND_WAIT)
    [image] = (user_dir / ".engee_kernel_images").iterdir()
    assert sorted(entry.name for entry in image.iterdir()) == sorted([agent.MODULE_NAME, "agent.ji", "agent.so"])
    return image


BUILD_AND_WAIT = """
show_line(ask(BUILD))
for _ in 1:800
    sleep(0.25)
    occursin("building", ask(STATE)) || break
end
show_line(ask(STATE))
"""
FIRST_CELL = 'show_line(submit("1 + 1"))\n'


def is_from_image(hello: dict[str, object]) -> bool:
    pieces = hello["pieces"]
    assert isinstance(pieces, list)
    return "image" in pieces


@pytest.mark.parametrize(
    ("version", "possible"),
    [("1.5.3", False), ("1.10.9", False), ("1.11.0", True), ("1.12.4", True), ("1.13.0", False), ("?", False)],
)
def test_which_versions_can_have_one(version: str, possible: bool) -> None:
    assert agent.image.is_possible(version) is possible


def test_an_image_holds_no_piece_that_loads_a_package() -> None:
    held = [piece.name for piece in agent.image.contents()]
    assert {"display", "syntax", "image"} <= set(held)
    assert not {"completion", "documentation", "binary", "files", "payloads"} & set(held)
    assert not re.search(r"^(?:import|using) ", agent.image_order()[3], re.MULTILINE)


def test_without_images_the_install_command_looks_for_none() -> None:
    assert "_require_from_serialized" in agent.install_command()
    assert "_require_from_serialized" not in agent.install_command(from_image=False)
    assert "_require_from_serialized" not in "".join(agent.install_commands(10**6, from_image=False))


@pytest.mark.julia
def test_an_older_julia_never_comes_near_it(julia: Path, user_dir: Path) -> None:
    if agent.image.is_possible(version_of(julia)):
        pytest.skip("this Julia can have an image")
    _, state, build, cell = run(julia, user_dir, "show_line(ask(STATE))\nshow_line(ask(BUILD))\n" + FIRST_CELL)
    assert state["state"] == build["state"] == "impossible"
    assert cell["state"] == "done"
    assert list(user_dir.iterdir()) == []


@pytest.mark.julia
@pytest.mark.slow
def test_the_next_julia_takes_it(newer_julia: Path, user_dir: Path) -> None:
    hello, began, state = run(newer_julia, user_dir, BUILD_AND_WAIT)
    assert not is_from_image(hello)
    assert (began["state"], state["state"]) == ("building", "there")
    code = f'{FIRST_CELL}show_line(submit("error(1)"))\nshow_line(ask(STATE))\nshow_line(ask(BUILD))\n'
    hello, cell, failed, state, again = run(newer_julia, user_dir, code)
    assert is_from_image(hello) and hello["cells"] == []
    assert [event["t"] for event in cell["events"]] == ["result", "done"]  # type: ignore[attr-defined]
    assert [event["t"] for event in failed["events"]] == ["error", "done"]  # type: ignore[attr-defined]
    assert state["state"] == again["state"] == "used"
    # another way to start Julia is another image
    hello, state = run(newer_julia, user_dir, "show_line(ask(STATE))\n", "-O1")
    assert (is_from_image(hello), state["state"]) == (False, "none")


@pytest.mark.julia
@pytest.mark.slow
@pytest.mark.parametrize("name", ["agent.ji", "agent.so"])
@pytest.mark.parametrize("harm", ["cut", "changed", "empty", "gone"])
def test_a_damaged_one_is_removed_and_the_source_taken(
    newer_julia: Path, user_dir: Path, name: str, harm: str, whole: Path
) -> None:
    image = user_dir / ".engee_kernel_images" / whole.name
    shutil.copytree(whole, image)
    file = image / name
    content = bytearray(file.read_bytes())
    if harm == "changed":
        content[len(content) // 2] ^= 0xFF
    file.write_bytes({"cut": content[: len(content) // 2], "empty": b""}.get(harm, content))
    if harm == "gone":
        file.unlink()
    hello, cell = run(newer_julia, user_dir, FIRST_CELL)
    assert not is_from_image(hello)
    assert cell["state"] == "done"
    if (name, harm) != ("agent.ji", "gone"):
        assert not image.exists()


@pytest.fixture(scope="module")
def whole(julia: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not agent.image.is_possible(version_of(julia)):
        pytest.skip(f"needs Julia 1.11; this is {version_of(julia)}")
    folder = tmp_path_factory.mktemp("image") / "user"
    folder.mkdir()
    return built_image(julia, folder)


@pytest.mark.julia
@pytest.mark.slow
def test_of_two_builders_one_works_and_nothing_is_left(newer_julia: Path, user_dir: Path) -> None:
    images = user_dir / ".engee_kernel_images"
    other = images / "build-other"
    other.mkdir(parents=True)
    _, began, state = run(newer_julia, user_dir, BUILD_AND_WAIT)
    assert (began["state"], state["state"]) == ("building", "none")
    assert list(images.iterdir()) == [other]
    # one that was killed long ago is in nobody's way
    long_ago = time.time() - 3600
    os.utime(other, (long_ago, long_ago))
    assert not built_image(newer_julia, user_dir).name.startswith("build-")


@pytest.mark.julia
@pytest.mark.slow
def test_old_ones_go(newer_julia: Path, user_dir: Path) -> None:
    images = user_dir / ".engee_kernel_images"
    for number in range(4):
        old = images / f"EngeeKernelAgent_0000000{number}-1.11.0-0"
        old.mkdir(parents=True)
        (old / "agent.ji").write_bytes(b"")
        os.utime(old / "agent.ji", (number, number))
    run(newer_julia, user_dir, BUILD_AND_WAIT)
    left = sorted(entry.name[:25] for entry in images.iterdir())
    assert left == sorted([agent.MODULE_NAME, "EngeeKernelAgent_00000002", "EngeeKernelAgent_00000003"])


@pytest.mark.julia
@pytest.mark.slow
def test_while_a_cell_runs_none_is_begun(newer_julia: Path, user_dir: Path) -> None:
    code = 'submit_later = @async submit("sleep(2)")\nsleep(0.5)\nshow_line(ask(BUILD))\nwait(submit_later)\n'
    _, answer = run(newer_julia, user_dir, code)
    assert answer["state"] == "later"
    assert list(user_dir.iterdir()) == []


@pytest.mark.julia
@pytest.mark.slow
def test_what_can_not_be_compiled_is_not_tried_again(newer_julia: Path, user_dir: Path) -> None:
    code = 'const BROKEN = replace(BUILD, "work_for_image()" => "error(:broken)")\n'
    code += BUILD_AND_WAIT.replace("BUILD)", "BROKEN)") + "show_line(ask(BUILD))\n"
    _, began, state, again = run(newer_julia, user_dir, code)
    assert (began["state"], state["state"], again["state"]) == ("building", "failed", "failed")
    [mark] = (user_dir / ".engee_kernel_images").iterdir()
    assert "broken" in mark.read_text()


@pytest.mark.julia
@pytest.mark.slow
def test_a_builder_ends_with_its_parent(newer_julia: Path, user_dir: Path) -> None:
    run(newer_julia, user_dir, "show_line(ask(BUILD))\nsleep(4)\n")
    deadline = time.monotonic() + 20
    images = user_dir / ".engee_kernel_images"
    while images.exists() and any(images.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not images.exists() or list(images.iterdir()) == []
