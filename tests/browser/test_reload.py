"""What a page shows of a cell that ran while it was reloaded, closed or out of reach: by its model and by the file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import WebSocketRoute

from engee_kernel.emulator.process import LocalEngee

from .conftest import Lab, Notebook, OpenNotebook

pytestmark = [pytest.mark.browser, pytest.mark.julia, pytest.mark.timeout(180)]

LINES = 'for i in 0:79; println("line ", i); sleep(0.1); end'


def held(flag: str) -> str:
    """80 lines; behind the 40th the cell waits for a file of this name in Engee."""
    wait = f'while i == 40 && !isfile("{flag}"); sleep(0.1); end'
    return f'for i in 0:79; println("line ", i); {wait}; sleep(0.05); end'


PICTURE = (
    "struct Picture end\n"
    'Base.show(io::IO, ::MIME"image/svg+xml", ::Picture) = print(io, """<svg xmlns="http://www.w3.org/2000/svg" '
    'width="200" height="80"><polyline points="0,70 50,20 150,10" fill="none" stroke="steelblue"/></svg>""")\n'
)


def stream(outputs: list[dict[str, Any]], name: str = "stdout") -> str:
    return "".join("".join(output["text"]) for output in outputs if output.get("name") == name)


def text_of(output: dict[str, Any], mime: str = "text/plain") -> str:
    return "".join(output["data"][mime])


def saved_cell(notebook: Notebook, index: int) -> dict[str, Any]:
    cell: dict[str, Any] = json.loads(notebook.saved())["cells"][index]
    return cell


def assert_lines(notebook: Notebook, index: int = 0, lines: int = 80, count: int = 1) -> None:
    expected = "".join(f"line {number}\n" for number in range(lines))
    assert stream(notebook.outputs(index)) == expected
    saved = saved_cell(notebook, index)
    assert stream(saved["outputs"]) == expected
    assert len(saved["outputs"]) == 1
    assert saved["execution_count"] == count
    assert notebook.prompt(index) == f"[{count}]:"


def test_a_reload_in_the_middle_loses_nothing(open_notebook: OpenNotebook, local_engee: LocalEngee) -> None:
    notebook = open_notebook("reload-middle", held("middle"))
    notebook.run_cell(0)
    notebook.wait_for_outputs(0, "line 20")
    notebook.reload()
    notebook.wait_for_prompt(0, "[*]:")
    notebook.wait_for_outputs(0, "line 40")
    (local_engee.user_dir / "middle").touch()
    notebook.wait_for_outputs(0, "line 79")
    notebook.wait_for_prompt(0, "[1]:")
    assert_lines(notebook)


def test_a_page_closed_until_after_the_end_shows_all_and_then_leaves_it(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("reload-closed", LINES, "1 + 1")
    notebook.run_cell(0)
    notebook.wait_for_outputs(0, "line 5")
    notebook.save()
    notebook.page.close()
    notebook.reopen()
    notebook.run_cell(1)  # its turn comes when the first one has ended
    notebook.wait_for_prompt(1, "[2]:", timeout_s=60)
    notebook.page.close()
    notebook.reopen()
    notebook.wait_for_prompt(0, "[1]:")
    notebook.wait_for_prompt(1, "[2]:")
    assert_lines(notebook)
    # now the file has it: opened once more, nothing is to be saved
    notebook.reload()
    notebook.wait_until_connected()
    notebook.page.wait_for_timeout(1500)
    assert stream(notebook.outputs(0)).count("line 79") == 1
    assert not notebook.page.evaluate("jupyterapp.shell.currentWidget.context.model.dirty")


def test_cells_that_waited_show_their_output_too(open_notebook: OpenNotebook, local_engee: LocalEngee) -> None:
    notebook = open_notebook("reload-all", held("all"), 'println("second")\n2', 'error("third")', '"not run"')
    notebook.page.set_viewport_size({"width": 1280, "height": 2600})  # JupyterLab keeps only what is in view
    notebook.run_all()
    notebook.wait_for_outputs(0, "line 10")
    notebook.reload()
    for index in range(4):
        notebook.wait_for_prompt(index, "[*]:")
    (local_engee.user_dir / "all").touch()
    notebook.wait_for_prompt(2, "[3]:", timeout_s=60)
    notebook.wait_for_prompt(3, "[ ]:")
    assert_lines(notebook)
    cells = json.loads(notebook.saved())["cells"]
    assert [cell["execution_count"] for cell in cells] == [1, 2, 3, None]
    assert [output["output_type"] for output in cells[1]["outputs"]] == ["stream", "execute_result"]
    assert cells[1]["outputs"][1]["execution_count"] == 2
    assert [output["output_type"] for output in cells[2]["outputs"]] == ["error"]
    assert "third" in cells[2]["outputs"][0]["evalue"] and "In[3]:1" in "".join(cells[2]["outputs"][0]["traceback"])
    assert cells[3]["outputs"] == []


def test_an_open_prompt_is_asked_again(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("reload-prompt", 'a = readline(); b = readline(); println("got $a and $b")')
    notebook.run_cell(0)
    field = notebook.page.locator(".jp-Stdin-input")
    field.wait_for()
    field.fill("one")
    field.press("Enter")
    notebook.wait_for_outputs(0, "one")
    notebook.reload()
    notebook.wait_for_prompt(0, "[*]:")
    field.wait_for()
    assert "one" in stream(notebook.outputs(0), "stdin"), "what was typed before"
    field.fill("two")
    field.press("Enter")
    notebook.wait_for_prompt(0, "[1]:")
    assert stream(saved_cell(notebook, 0)["outputs"]) == "got one and two\n"


def test_bars_pictures_updates_and_errors(open_notebook: OpenNotebook, local_engee: LocalEngee) -> None:
    notebook = open_notebook(
        "reload-rich",
        f"{PICTURE}display(Picture())\n"
        'EngeeKernel.display("made"; id = "own")\n'
        'i = 0\nwhile !isfile("go on"); global i += 1; print("\\r$i tried"); sleep(0.1); end; println()\n'
        'EngeeKernel.update("updated"; id = "own")\n'
        'sleep(1); for i in 1:3; EngeeKernel.clear_output(true); display("frame $i"); sleep(0.1); end\n'
        "f(x) = sqrt(x)\nf(-1)",
    )
    notebook.run_cell(0)
    notebook.wait_for_outputs(0, "20 tried")
    notebook.reload()
    notebook.wait_for_prompt(0, "[*]:")
    notebook.wait_for_outputs(0, "tried")
    halfway = notebook.outputs(0)
    assert [output["output_type"] for output in halfway] == ["display_data", "display_data", "stream"]
    assert stream(halfway).count("tried") == 1, "a bar draws over itself"
    assert "made" in text_of(halfway[1])
    assert notebook.cell(0).locator("polyline, .jp-RenderedSVG img").count() == 1
    (local_engee.user_dir / "go on").touch()
    notebook.wait_for_outputs(0, "updated")
    notebook.wait_for_prompt(0, "[1]:")
    outputs = saved_cell(notebook, 0)["outputs"]
    assert [output["output_type"] for output in outputs] == ["display_data", "error"]
    assert "frame 3" in text_of(outputs[0])
    assert outputs[1]["ename"] == "DomainError"


def test_a_display_made_before_the_reload_is_updated_behind_it(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(
        "reload-display",
        'EngeeKernel.display("made"; id = "of-first")',
        'EngeeKernel.update("changed"; id = "of-first")',
    )
    notebook.run_cell(0)
    notebook.wait_for_prompt(0, "[1]:")
    notebook.saved()
    notebook.reload()
    notebook.wait_until_connected()
    notebook.page.wait_for_timeout(1000)
    notebook.run_cell(1)
    notebook.wait_for_prompt(1, "[2]:")
    notebook.wait_for_outputs(0, "changed")
    assert [text_of(output) for output in saved_cell(notebook, 0)["outputs"]] == ['"changed"']


def test_a_picture_in_a_file_that_nobody_trusts_is_shown(open_notebook: OpenNotebook) -> None:
    other = {"output_type": "display_data", "data": {"text/html": "<b>of a stranger</b>"}, "metadata": {}}
    notebook = open_notebook("reload-trust", f"{PICTURE}Picture()", "nothing")
    raw = json.loads(notebook.path.read_text(encoding="utf-8"))
    raw["cells"][1]["outputs"] = [other]
    notebook.page.close()
    notebook.path.write_text(json.dumps(raw), encoding="utf-8")
    notebook.reopen()
    notebook.wait_until_connected()
    notebook.run_cell(0)
    notebook.wait_for_prompt(0, "[1]:")
    notebook.saved()
    notebook.reload()
    notebook.cell(0).locator("polyline, .jp-RenderedSVG img").wait_for()
    assert not notebook.page.evaluate("jupyterapp.shell.currentWidget.content.model.cells.get(1).trusted")


def test_an_interrupt_behind_a_reload_reaches_the_cell(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("reload-interrupt", 'println("begun"); sleep(100)')
    notebook.run_cell(0)
    notebook.wait_for_outputs(0, "begun")
    notebook.reload()
    notebook.wait_for_prompt(0, "[*]:")
    notebook.menu("Kernel", "Interrupt Kernel")
    notebook.wait_for_prompt(0, "[1]:")
    outputs = saved_cell(notebook, 0)["outputs"]
    assert [output["output_type"] for output in outputs] == ["stream", "error"]
    assert outputs[1]["ename"] == "InterruptException"


def test_what_was_cleared_or_changed_does_not_come_back(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("reload-cleared", 'println("cleared")', 'println("changed")', 'println("kept")')
    notebook.run_all()
    notebook.wait_for_prompt(2, "[3]:")
    notebook.cell(0).locator(".cm-content").click()
    notebook.menu("Edit", "Clear Cell Output")
    notebook.cell(1).locator(".cm-content").click()
    notebook.page.keyboard.type("2; ")
    notebook.menu("Edit", "Clear Cell Output")
    notebook.saved()
    notebook.reload()
    notebook.wait_until_connected()
    notebook.page.wait_for_timeout(1500)
    assert [len(notebook.outputs(index)) for index in range(3)] == [0, 0, 1]


def test_messages_that_got_lost_are_added_when_the_page_is_connected_again(open_notebook: OpenNotebook) -> None:
    """The server sends into nothing for a while, as to a computer that sleeps; then the connection breaks."""
    lost = 0
    sockets: list[WebSocketRoute] = []
    is_asleep = False

    def route(page: WebSocketRoute) -> None:
        server = page.connect_to_server()
        sockets.append(page)

        def forward(message: str | bytes) -> None:
            nonlocal lost
            if is_asleep:
                lost += 1
            else:
                page.send(message)

        server.on_message(forward)

    notebook = open_notebook("reload-gap", LINES, "2", route=route)
    notebook.run_cell(0)
    notebook.run_cell(1)
    notebook.wait_for_outputs(0, "line 10")
    is_asleep = True
    notebook.page.wait_for_timeout(3000)
    assert lost > 10
    sockets[-1].close()
    is_asleep = False
    notebook.wait_for_outputs(0, "line 79")
    notebook.wait_for_prompt(0, "[1]:")
    notebook.wait_for_prompt(1, "[2]:")
    assert_lines(notebook)
    assert text_of(saved_cell(notebook, 1)["outputs"][0]) == "2"


def test_a_second_view_doubles_nothing(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("reload-views", LINES)
    notebook.run_cell(0)
    notebook.wait_for_outputs(0, "line 5")
    notebook.page.evaluate("jupyterapp.commands.execute('docmanager:clone')")
    notebook.reload()
    notebook.wait_for_outputs(0, "line 79")
    notebook.page.wait_for_function(
        "() => jupyterapp.shell.currentWidget.content.model.cells.get(0).executionCount === 1"
    )
    assert stream(notebook.outputs(0)) == "".join(f"line {number}\n" for number in range(80))


def test_other_kernels_are_left_alone(open_notebook: OpenNotebook, lab: Lab) -> None:
    notebook = open_notebook("reload-python", 'print("python")', kernel="python3")
    notebook.run_cell(0)
    notebook.wait_for_prompt(0, "[1]:")
    notebook.reload()
    notebook.wait_until_connected()
    notebook.page.wait_for_timeout(1000)
    assert notebook.outputs(0) == []
    assert "engee_kernel.output" not in "".join(lab.said)
