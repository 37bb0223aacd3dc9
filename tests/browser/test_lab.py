"""What a person sees in JupyterLab. Screenshots are kept under build/screenshots/."""

from __future__ import annotations

import pytest

from .conftest import OpenNotebook

pytestmark = [pytest.mark.browser, pytest.mark.julia, pytest.mark.timeout(180)]

PLOT = (
    "struct Curve end\n"
    'Base.show(io::IO, ::MIME"image/svg+xml", ::Curve) = print(io, """<svg xmlns="http://www.w3.org/2000/svg" '
    'width="200" height="80"><polyline points="0,70 50,20 100,40 150,10" fill="none" stroke="steelblue"/></svg>""")\n'
    "Curve()"
)


def test_run_all_shows_live_output_a_plot_a_table_and_stops_at_the_error(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(
        "run-all",
        'for i in 1:6; println("line $i"); sleep(0.5); end',
        'for i in 1:10; print("\\rprogress $(10i) %"); sleep(0.05); end',
        PLOT,
        'display("text/html", "<table><tr><th>Kp</th><th>Ki</th></tr><tr><td>1.25</td><td>0.5</td></tr></table>")',
        "f(x) = sqrt(x)\nf(-1)",
        'println("must not run")',
    )
    notebook.run_all()
    notebook.wait_for_text(0, "line 2")
    assert "line 6" not in notebook.output(0), "output has to arrive while the cell runs"
    notebook.screenshot("live-output")
    notebook.wait_for_text(4, "DomainError")
    notebook.wait_until_idle()
    assert notebook.output(0).split("\n")[:6] == [f"line {number}" for number in range(1, 7)]
    assert notebook.output(1).strip() == "progress 100 %"
    plot = notebook.page.locator(".jp-CodeCell").nth(2).locator("polyline, img")
    assert plot.count() == 1
    assert notebook.page.locator(".jp-CodeCell").nth(3).locator("td").all_inner_texts() == ["1.25", "0.5"]
    error = notebook.page.locator(".jp-CodeCell").nth(4).locator('[data-mime-type="application/vnd.jupyter.stderr"]')
    assert error.locator(".ansi-red-fg").first.inner_text().startswith("DomainError")
    assert "In[5]:1" in error.inner_text()
    assert notebook.output(5) == ""
    assert notebook.prompt(5) == "[ ]:"
    notebook.screenshot("run-all")


def test_tab_completes_and_shift_tab_explains(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("completion", "1 + 1", "")
    notebook.run_all()
    notebook.wait_for_prompt(0, "[1]:")
    page = notebook.page
    editor = page.locator(".jp-CodeCell").nth(1).locator(".cm-content")
    editor.click()
    page.keyboard.type("printst")
    page.keyboard.press("Tab")
    page.locator(".jp-Completer-item", has_text="printstyled").wait_for()
    notebook.screenshot("completion")
    page.keyboard.press("Enter")
    editor.get_by_text("printstyled").wait_for()
    page.keyboard.press("Control+A")
    page.keyboard.type('"🚀"; α = \\beta')
    page.keyboard.press("Tab")
    page.locator(".jp-Completer-item", has_text="β").first.click()
    editor.get_by_text('"🚀"; α = β', exact=True).wait_for()
    page.keyboard.press("Control+A")
    page.keyboard.type("sqrt")
    page.keyboard.press("Shift+Tab")
    page.locator(".jp-Tooltip").get_by_text("square root").first.wait_for()
    notebook.screenshot("inspection")


def test_the_toolbar_interrupts_and_the_state_is_kept(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("interrupt", "kept = 41", "sleep(60)", "kept + 1")
    notebook.run_all()
    notebook.wait_for_prompt(0, "[1]:")
    notebook.wait_for_prompt(1, "[*]:")
    notebook.page.wait_for_timeout(500)
    notebook.page.locator('[data-command="notebook:interrupt-kernel"], [title^="Interrupt"]').first.click()
    notebook.wait_for_text(1, "InterruptException", timeout_s=10)
    notebook.screenshot("interrupted")
    notebook.page.locator(".jp-CodeCell").nth(2).locator(".cm-content").click()
    notebook.page.keyboard.press("Control+Enter")
    notebook.wait_for_text(2, "42")


def test_restart_and_run_all(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("restart", 'println("run in ", 6 * 7)')
    notebook.run_all()
    notebook.wait_for_text(0, "run in 42")
    notebook.menu("Kernel", "Restart Kernel and Run All Cells")
    notebook.page.locator(".jp-Dialog button", has_text="Restart").click()
    notebook.page.wait_for_timeout(1000)
    notebook.wait_for_text(0, "run in 42", timeout_s=60)
    notebook.wait_for_prompt(0, "[1]:")


def test_a_password_prompt_hides_what_is_typed(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("password", 's = Base.getpass("Key"); println("length ", length(read(s, String)))')
    notebook.run_all()
    field = notebook.page.locator(".jp-Stdin-input")
    field.wait_for()
    assert field.get_attribute("type") == "password"
    field.fill("sesame")
    notebook.screenshot("password")
    field.press("Enter")
    notebook.wait_for_text(0, "length 6")
    notebook.wait_until_idle()
    notebook.menu("File", "Save Notebook")
    notebook.page.wait_for_timeout(1000)
    assert "sesame" not in notebook.path.read_text(encoding="utf-8")


def test_a_page_reloaded_in_the_middle_of_a_cell_goes_on(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(
        "reload", 'for i in 1:12; println("step $i"); sleep(1); end; println("finished")', "%jobs attach"
    )
    notebook.page.locator(".jp-CodeCell").first.locator(".cm-content").click()
    notebook.page.keyboard.press("Control+Enter")
    notebook.wait_for_text(0, "step 2")
    notebook.menu("File", "Save Notebook")
    notebook.page.reload()
    notebook.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    # JupyterLab drops what a running cell puts out after a reload; the record of the cell has all of it
    notebook.page.locator(".jp-CodeCell").nth(1).locator(".cm-content").click()
    notebook.page.keyboard.press("Control+Enter")
    notebook.wait_for_text(1, "finished", timeout_s=60)
    assert [f"step {number}" in notebook.output(1) for number in range(1, 13)] == [True] * 12
    notebook.screenshot("reloaded")
