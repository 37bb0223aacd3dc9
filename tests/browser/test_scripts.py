"""Engee's scripts (.ngscript) in JupyterLab: opened by a double click, run, saved as scripts."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from .conftest import OpenNotebook

pytestmark = [pytest.mark.browser, pytest.mark.julia, pytest.mark.timeout(180)]

PENDULUM = (Path(__file__).parents[1] / "scripts" / "pendulum.ngscript").read_text(encoding="utf-8")
NOTEBOOK = "jupyterapp.shell.currentWidget"


def test_a_script_is_opened_run_and_saved_as_a_script(open_notebook: OpenNotebook) -> None:
    script = json.loads(PENDULUM)
    script["engee_version"] = "26.9.2"
    script["cells"][1]["hidden"] = True
    text = json.dumps(script, indent=4, ensure_ascii=False) + "\n"
    notebook = open_notebook("pendulum", script=text)
    page = notebook.page
    assert page.evaluate(f"{NOTEBOOK}.sessionContext.session.kernel.name") == "engee"
    assert [notebook.prompt(index) for index in range(3)] == ["[12]:", "[ ]:", "[ ]:"]
    notebook.save()
    assert notebook.path.read_text(encoding="utf-8") == text

    notebook.run_all()
    notebook.wait_for_prompt(1, "[2]:", timeout_s=60)
    notebook.wait_for_text(1, "T = 1.419")
    notebook.screenshot("script")
    saved = json.loads(notebook.saved())
    assert list(saved) == list(script)
    assert saved["metadata"] == script["metadata"]
    assert saved["engee_version"] == "26.9.2" and saved["cells"][1]["hidden"] is True
    assert [cell["id"] for cell in saved["cells"]] == [cell["id"] for cell in script["cells"]]
    assert [cell["source"] for cell in saved["cells"]] == [cell["source"] for cell in script["cells"]]
    assert [cell["execution_count"] for cell in saved["cells"][1:]] == [0, 0, None]
    assert saved["cells"][1]["outputs"][0]["execution_count"] == 1
    assert saved["cells"][1]["outputs"][0]["data"]["text/plain"] == "0.5"
    assert "".join(saved["cells"][2]["outputs"][0]["text"]) == "T = 1.419 с\n"

    # what the person has seen made is trusted when the script is opened again
    page.close()
    notebook.reopen()
    notebook.wait_until_connected()
    assert notebook.page.evaluate(f"{NOTEBOOK}.content.model.cells.get(1).trusted")
    assert "T = 1.419" in notebook.output(1)


def test_a_notebook_saved_under_a_scripts_name_is_a_script(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("made-here", "1 + 1")
    page = notebook.page
    notebook.run_cell(0)
    notebook.wait_for_prompt(0, "[1]:")
    page.evaluate("() => { jupyterapp.commands.execute('docmanager:save-as'); }")
    field = page.locator(".jp-Dialog input")
    field.fill("made-here.ngscript")
    page.locator(".jp-Dialog button.jp-mod-accept").click()
    path = notebook.path.with_suffix(".ngscript")
    deadline = time.monotonic() + 20
    while not (path.exists() and path.stat().st_size):
        assert time.monotonic() < deadline, "it was not saved"
        page.wait_for_timeout(50)
    saved = json.loads(path.read_text(encoding="utf-8"))
    assert saved["metadata"]["kernelspec"]["name"] == "ijulia-1.9"
    assert saved["metadata"]["engee"] == {}
    assert saved["cells"][0]["execution_count"] == 0
    assert saved["cells"][0]["outputs"][0]["execution_count"] == 1


def test_what_is_no_script_is_not_saved_as_one(open_notebook: OpenNotebook) -> None:
    script = json.loads(PENDULUM)
    script["metadata"]["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = open_notebook("python", script=json.dumps(script))
    spec = json.dumps(script["metadata"]["kernelspec"])
    notebook.page.evaluate(f"{NOTEBOOK}.content.model.setMetadata('kernelspec', {spec})")
    before = notebook.path.read_bytes()
    notebook.menu("File", "Save Engee script")
    dialog = notebook.page.locator(".jp-Dialog", has_text="File Save Error")
    dialog.get_by_text("is a notebook in python").wait_for()
    assert notebook.path.read_bytes() == before
    dialog.locator("button").first.click()
