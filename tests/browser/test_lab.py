"""What a person sees in JupyterLab. Screenshots are kept under build/screenshots/."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, TimeoutError

from engee_kernel.emulator.process import LocalEngee

from .conftest import SCREENSHOTS, Lab, OpenNotebook

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
    editor = notebook.cell(1).locator(".cm-content")
    editor.click()
    page.keyboard.type("printst")
    # JupyterLab takes no answer that needs more than a second: a Julia that is new may
    press_until(page, "Tab", page.locator(".jp-Completer-item", has_text="printstyled"))
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
    press_until(page, "Shift+Tab", page.locator(".jp-Tooltip").get_by_text("square root").first)
    notebook.screenshot("inspection")


def press_until(page: Page, keys: str, shown: Locator, times: int = 6) -> None:
    for _ in range(times):
        page.keyboard.press(keys)
        try:
            shown.wait_for(timeout=5000)
        except TimeoutError:
            continue
        return
    raise AssertionError(f"{keys} showed nothing")


def test_the_toolbar_interrupts_and_the_state_is_kept(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("interrupt", "kept = 41", "begun = true\nsleep(60)", "kept + 1")
    notebook.run_all()
    notebook.wait_for_text(1, "running for")
    notebook.screenshot("silent")
    notebook.page.locator('[data-command="notebook:interrupt-kernel"], [title^="Interrupt"]').first.click()
    notebook.wait_for_text(1, "InterruptException", timeout_s=10)
    assert "In[2]:2" in notebook.output(1) and "running for" not in notebook.output(1)
    notebook.screenshot("interrupted")
    assert notebook.prompt(2) == "[ ]:"
    notebook.run_cell(2)
    notebook.wait_for_text(2, "42")


def test_restart_and_run_all(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("restart", 'println("run at ", time_ns())')
    notebook.run_all()
    notebook.wait_for_text(0, "run at")
    before = notebook.output(0)
    notebook.menu("Kernel", "Restart Kernel and Run All Cells")
    notebook.page.locator(".jp-Dialog button", has_text="Restart").click()
    notebook.cell(0).locator(".jp-Cell-outputArea").get_by_text(before).wait_for(state="detached")
    notebook.wait_for_text(0, "run at", timeout_s=60)
    assert notebook.output(0) != before
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
    saved = notebook.saved()
    assert "length 6" in saved and "sesame" not in saved


def test_an_upload_has_a_progress_bar(open_notebook: OpenNotebook, lab: Lab, local_engee: LocalEngee) -> None:
    (lab.folder / "измерения.bin").write_bytes(bytes(range(256)) * 100_000)
    notebook = open_notebook("upload", "%upload измерения.bin", 'filesize("/user/измерения.bin")')
    local_engee.faults({"kind": "latency", "path": "file/upload", "delay_s": 3.0})
    notebook.run_cell(0)
    notebook.cell(0).locator(".jp-Cell-outputArea").get_by_text("%|").wait_for()
    notebook.screenshot("upload-runs")
    notebook.wait_for_text(0, "Uploaded", timeout_s=60)
    notebook.wait_until_idle()
    assert "100%" in notebook.output(0)
    notebook.run_cell(1)
    notebook.wait_for_text(1, "25600000")
    notebook.screenshot("upload")


def test_a_page_reloaded_in_the_middle_of_a_cell_goes_on(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(
        "reload", 'for i in 1:10; println("step $i"); sleep(1); end; println("finished")', "%jobs attach", "%jobs"
    )
    notebook.run_cell(0)
    notebook.wait_for_text(0, "step 4")  # by then a job keeps what it puts out
    notebook.saved()
    notebook.page.reload()
    notebook.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    notebook.wait_until_connected(idle=False)
    # the job of the cell has all of it, too
    notebook.run_cell(1)
    notebook.wait_for_text(1, "finished", timeout_s=60)
    assert notebook.output(1).split("\n")[:11] == [*(f"step {number}" for number in range(1, 11)), "finished"]
    notebook.run_cell(2)
    notebook.wait_for_text(2, "cell In[1]")
    notebook.screenshot("reloaded")


def test_what_a_notebook_looks_like(open_notebook: OpenNotebook) -> None:
    """For the eye: the pictures are kept."""
    notebook = open_notebook(
        "gallery",
        "%help %%job",
        "%lsmagic",
        "?sqrt",
        "[i * j / 7 for i in 1:40, j in 1:40]",
        'println("wide "^60); @warn "pressure is high" p=12.5',
        'Dict("Kp" => 1.25, "Ki" => 0.5)',
        "f(x) = g(x); g(x) = undefined_name + x\nmap(f, [1, 2])",
    )
    notebook.run_all()
    notebook.wait_for_text(6, "UndefVarError", timeout_s=60)
    notebook.wait_until_idle()
    texts = []
    for index in range(7):
        notebook.cell(index).scroll_into_view_if_needed()  # JupyterLab keeps only what is in view
        notebook.page.screenshot(path=SCREENSHOTS / f"gallery-{index}.png")
        texts.append(notebook.output(index))
    assert "--detach" in texts[0] and "%upload" in texts[1]
    assert "Examples" in texts[2] and "# Examples" not in texts[2], "help is Markdown"
    assert "40×40" in texts[3] and "⋱" in texts[3]
    assert "pressure is high" in texts[4]


def test_while_a_cell_runs_the_page_says_busy_behind_tab_and_a_reload_too(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("busy", "1 + 1", "sleep(60)", "")
    page = notebook.page
    notebook.run_cell(0)
    notebook.wait_for_prompt(0, "[1]:")
    notebook.run_cell(1)
    busy = page.locator('.jp-Notebook-ExecutionIndicator[data-status="busy"]')
    busy.wait_for(timeout=10_000)
    notebook.cell(2).locator(".cm-content").click()
    page.keyboard.type("printst")
    press_until(page, "Tab", page.locator(".jp-Completer-item", has_text="printstyled"))
    page.wait_for_timeout(500)
    assert busy.count() == 1, "the state of the running cell, not of the question"
    page.reload()
    notebook.wait_until_connected(idle=False)
    busy.wait_for(timeout=20_000)
    page.wait_for_timeout(1000)
    assert busy.count() == 1
    notebook.menu("Kernel", "Interrupt Kernel")
    notebook.wait_until_idle()
