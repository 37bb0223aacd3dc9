"""What VS Code does: starts the kernel from its kernelspec, talks ZMQ to it by `@jupyterlab/services` on Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.kernelspec import find_kernel_specs

from engee_kernel.emulator.process import LocalEngee

from .conftest import environment_for

pytestmark = [pytest.mark.julia, pytest.mark.slow]

PROGRAM = Path(__file__).parent / "node" / "vscode.cjs"
MODULES = Path(__file__).parents[2] / "build" / "node" / "node_modules"


@pytest.fixture(scope="module")
def seen(shared_local_engee: LocalEngee, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the program saw of the kernel."""
    node = shutil.which("node")
    if node is None or not (MODULES / "zeromq").is_dir():
        pytest.skip("Node.js 20 or its packages are missing: VS CODE'S WAY IS NOT TESTED. Run: make node")
    shared_local_engee.reset()
    folder = tmp_path_factory.mktemp("vscode")
    spec = Path(find_kernel_specs()["engee"]) / "kernel.json"
    children_before = set(psutil.Process().children(recursive=True))
    done = subprocess.run(
        [node, str(PROGRAM), str(spec)],
        env=environment_for(shared_local_engee, folder) | {"NODE_PATH": str(MODULES)},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(psutil.Process().children(recursive=True)) <= children_before
    result = json.loads(done.stdout)
    assert isinstance(result, dict)
    return result


def kinds(cell: dict[str, Any]) -> list[str]:
    return [output["type"] for output in cell["outputs"]]


def test_the_kernel_is_started_from_its_spec_and_becomes_ready(seen: dict[str, Any]) -> None:
    assert seen["absolute"], "VS Code looks for no program on PATH"
    assert seen["ready"]["info"]["language_info"]["name"] == "julia"
    assert seen["ready"]["attempts"] < 20


def test_cells(seen: dict[str, Any]) -> None:
    cell = seen["cell"]
    assert kinds(cell)[-3:] == ["stream", "display_data", "execute_result"]
    assert cell["outputs"][-3]["text"] == "α🚀\n" and cell["outputs"][-1]["data"]["text/plain"] == "42"
    assert kinds(seen["failing"])[-1] == "error" and seen["failing"]["reply"]["ename"] == "DomainError"
    assert seen["last"]["outputs"][-1]["data"]["text/plain"] == "54"
    assert seen["status"] == "idle"


def test_a_prompt_is_answered(seen: dict[str, Any]) -> None:
    (request,) = [output for output in seen["after"]["outputs"] if output["type"] == "input_request"]
    assert not request["password"]
    assert seen["after"]["outputs"][-1]["data"]["text/plain"] == '"Мир"'


def test_help_is_a_payload_that_it_shows(seen: dict[str, Any]) -> None:
    (payload,) = seen["help"]["reply"]["payload"]
    assert payload["source"] == "page" and "--detach" in payload["data"]["text/plain"]


def test_cursors_count_as_its_editor_does(seen: dict[str, Any]) -> None:
    assert seen["complete"] == {
        "replaced": "printst",
        "matches": ["printstyled"],
        "shown": ["printstyled"],
        "typed": [["printst", "printstyled"]],
    }
    assert seen["magic"] == {"replaced": "%%jo", "matches": ["%%job"], "shown": ["%%job"], "typed": [["%%jo", "%%job"]]}
    assert seen["inspect"]["found"] and "sqrt" in seen["inspect"]["text"], "and not what is six characters on"


def test_a_letter_is_offered_under_what_was_typed(seen: dict[str, Any]) -> None:
    assert seen["latex"]["shown"] == ["\\alpha"] and seen["latex"]["typed"] == [["\\alpha", "α"]]


def test_a_progress_bar_behind_a_life_sign_is_one_line(seen: dict[str, Any]) -> None:
    assert seen["bar"] == [{"name": "stdout", "text": "4/4"}]


def test_help_is_not_shown_as_latex(seen: dict[str, Any]) -> None:
    assert [one["mime"] for one in seen["markdown"] if "mime" in one] == ["text/html"]


def test_a_slider_runs_its_cell_again_and_its_value_is_written_by_the_next_run(seen: dict[str, Any]) -> None:
    controls = seen["controls"]
    assert "application/vnd.jupyter.widget-view+json" in controls["view"]
    assert [output["data"]["text/plain"] for output in controls["before"]] == ["19.6"]
    assert [output["data"]["text/plain"] for output in controls["after"]] == ["10.0"]
    (payload,) = controls["payload"]
    assert (payload["source"], payload["replace"]) == ("set_next_input", True)
    assert payload["text"].startswith("%%controls\ng = 5.0  # @param {")


def test_after_a_restart_the_first_answer_says_what_still_runs(seen: dict[str, Any]) -> None:
    """It ends the process without a shutdown request: the cell goes on."""
    remark, result = [one for one in seen["restarted"]["outputs"] if one["type"] in ("stream", "execute_result")]
    assert remark["name"] == "stderr" and " of this notebook still runs in Engee, since " in remark["text"]
    assert 'println("begun")' in remark["text"] and "%jobs attach " in remark["text"]
    assert result["data"]["text/plain"] == "2"


def test_an_interrupt_is_answered_and_then_idle(seen: dict[str, Any]) -> None:
    interrupt = seen["interrupt"]
    assert interrupt["reply"] == {"status": "ok"}
    assert interrupt["cell"]["ename"] == "InterruptException"


def test_the_kernel_ends_when_it_is_told_to(seen: dict[str, Any]) -> None:
    assert seen["end"]["after_ms"] < 15_000
