"""Controls of a cell in JupyterLab: what moves when a person moves them. Screenshots: build/screenshots/."""

from __future__ import annotations

import json

import pytest

from .conftest import OpenNotebook

pytestmark = [pytest.mark.browser, pytest.mark.julia, pytest.mark.timeout(180)]

FALL = """\
%%controls
# @title Free fall
# @markdown Where does it fall, and from **how high**?
g = 9.8  # @param {type:"slider", min:0, max:20, step:0.1}
height = 20  # @param {type:"integer"}
planet = "Earth"  # @param ["Earth", "Mars"]
struct Curve; bend::Float64; end
Base.show(io::IO, ::MIME"image/svg+xml", curve::Curve) = print(io, \"""<svg xmlns="http://www.w3.org/2000/svg"
width="320" height="120"><path class="fall" d="M 10 10 Q 160 10 310 $(10 + 5curve.bend)" fill="none" stroke="steelblue"
stroke-width="3"/></svg>\""")
println("falls for ", round(sqrt(2height / g), digits = 2), " s on $planet")
Curve(g)"""


def test_a_moved_slider_changes_text_and_plot_and_the_button_writes_it(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("controls", FALL, "g")
    page, cell = notebook.page, notebook.cell(0)
    notebook.run_cell(0)
    cell.get_by_text("falls for 2.02 s on Earth").wait_for()
    before = cell.locator(".jp-RenderedSVG img, path.fall").first.evaluate("it => it.src || it.outerHTML")
    handle = cell.locator(".noUi-handle")
    handle.click()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    cell.get_by_text("falls for 1.99 s on Earth").wait_for()
    assert cell.locator(".jp-Cell-outputArea").get_by_text("falls for").count() == 1, "the earlier one is replaced"
    assert cell.locator(".jp-RenderedSVG img, path.fall").first.evaluate("it => it.src || it.outerHTML") != before
    notebook.screenshot("controls")
    cell.locator("select").select_option("Mars")
    cell.get_by_text("falls for 1.99 s on Mars").wait_for()
    assert 'planet = "Earth"' in cell.locator(".cm-content").inner_text()
    cell.get_by_role("button", name="Write into the cell").click()
    cell.locator(".cm-content").get_by_text('planet = "Mars"').wait_for()
    cell.get_by_text("falls for 1.99 s on Mars").wait_for()
    notebook.run_cell(1)
    notebook.wait_for_text(1, "10.1")
    saved = json.loads(notebook.saved())
    source = "".join(saved["cells"][0]["source"])
    assert source == FALL.replace("9.8 ", "10.1 ").replace('"Earth"  #', '"Mars"  #')


def test_controls_work_on_after_the_page_was_reloaded(open_notebook: OpenNotebook) -> None:
    code = '%%controls\nn = 2  # @param {type:"slider", min:0, max:9}\nprintln("square: ", n^2)'
    notebook = open_notebook("controls-reloaded", code)
    cell = notebook.cell(0)
    notebook.run_cell(0)
    notebook.wait_for_text(0, "square: 4")
    cell.locator(".noUi-handle").click()
    notebook.page.keyboard.press("ArrowRight")
    notebook.wait_for_text(0, "square: 9")
    notebook.saved()
    notebook.page.reload()
    notebook.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    notebook.wait_until_connected()
    notebook.wait_for_text(0, "square: 9")
    cell.locator(".noUi-handle").click()
    notebook.page.keyboard.press("ArrowRight")
    notebook.wait_for_text(0, "square: 16")
    notebook.screenshot("controls-reloaded")


def test_a_run_of_a_control_is_interrupted_by_the_toolbar(open_notebook: OpenNotebook) -> None:
    code = '%%controls\ns = 0  # @param {type:"integer"}\nsleep(s); println("slept ", s)'
    notebook = open_notebook("controls-interrupted", code)
    page, cell = notebook.page, notebook.cell(0)
    notebook.run_cell(0)
    notebook.wait_for_text(0, "slept 0")
    field = cell.locator(".widget-text input")
    field.fill("60")
    field.press("Enter")
    notebook.wait_for_text(0, "running for")
    page.locator('[data-command="notebook:interrupt-kernel"], [title^="Interrupt"]').first.click()
    notebook.wait_for_text(0, "InterruptException", timeout_s=10)
    assert "running for" not in notebook.output(0)
    field.fill("1")
    field.press("Enter")
    notebook.wait_for_text(0, "slept 1")
    notebook.wait_until_idle()


def test_a_run_of_a_control_asks_below_the_cell(open_notebook: OpenNotebook) -> None:
    code = '%%controls\nasks = false  # @param {type:"boolean"}\nprintln("Hello ", asks ? readline() : "nobody")'
    notebook = open_notebook("controls-asking", code)
    notebook.run_cell(0)
    notebook.wait_for_text(0, "Hello nobody")
    notebook.cell(0).get_by_role("checkbox").click()
    field = notebook.page.locator(".jp-Stdin-input")
    field.fill("you")
    field.press("Enter")
    notebook.wait_for_text(0, "Hello you")


def test_values_are_written_at_once_after_a_restart_and_a_reload_too(open_notebook: OpenNotebook) -> None:
    code = '%%controls\nn = 2  # @param {type:"slider", min:0, max:9}\nprintln("square: ", n^2)'
    notebook = open_notebook("controls-restarted", code)
    page, cell = notebook.page, notebook.cell(0)

    def write(value: int) -> None:
        notebook.run_cell(0)
        notebook.wait_for_text(0, f"square: {(value - 1) ** 2}")
        cell.locator(".noUi-handle").click()
        page.keyboard.press("ArrowRight")
        notebook.wait_for_text(0, f"square: {value**2}")
        cell.get_by_role("button", name="Write into the cell").click()
        notebook.wait_for_text(0, "Written into the cell.")
        cell.locator(".cm-content").get_by_text(f"n = {value} ").wait_for()

    write(3)
    notebook.menu("Kernel", "Restart Kernel…")
    page.locator(".jp-Dialog button", has_text="Restart").click()
    page.wait_for_timeout(1000)
    notebook.wait_until_connected()
    write(4)
    notebook.saved()
    page.reload()
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    notebook.wait_until_connected()
    write(5)
