"""A real JupyterLab with the installed kernelspec, and a real Chromium to look at it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from frontend import clean_environment
from playwright.sync_api import Browser, Locator, Page, TimeoutError, WebSocketRoute

from engee_kernel.emulator.process import LocalEngee

CHECKOUT = Path(__file__).parents[2]
SCREENSHOTS = CHECKOUT / "build" / "screenshots"
LAB_START_S = 60
LAB_PYTHON = os.environ.get("ENGEE_LAB_PYTHON", sys.executable)
"""Of an environment with another JupyterLab, e.g. 4.2; the kernel is this one's."""
OPEN_PAGES = pytest.StashKey[list[Page]]()
CONNECTED = """idle => {
    const context = window.jupyterapp?.shell.currentWidget?.context?.sessionContext;
    const kernel = context?.session?.kernel;
    return !!context?.isReady && kernel?.connectionStatus === "connected" && (!idle || kernel.status === "idle");
}"""
OUTPUTS = "index => jupyterapp.shell.currentWidget.content.model.cells.get(index).outputs.toJSON()"


@dataclass
class Lab:
    """JupyterLab's address, the folder it shows, and what it said."""

    url: str
    folder: Path
    said: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def lab(shared_local_engee: LocalEngee, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab with the kernelspec of this environment, on a port that the system chose."""
    folder = tmp_path_factory.mktemp("lab")
    environment = {
        **clean_environment(tmp_path_factory.mktemp("home")),
        "ENGEE_URL": shared_local_engee.url,
        "ENGEE_TOKEN": shared_local_engee.token,
        "JUPYTER_CONFIG_DIR": str(folder / ".config"),
        "JUPYTER_DATA_DIR": str(folder / ".data"),
        "JUPYTER_RUNTIME_DIR": str(folder / ".runtime"),
        # this checkout's, whichever is installed
        "JUPYTER_PATH": str(folder / ".path"),
        "PYTHONPATH": str(CHECKOUT),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / ".settings"),
    }
    shutil.copytree(CHECKOUT / "labextension", folder / ".path" / "labextensions" / "engee-kernel")
    _kernelspec(folder / ".path" / "kernels" / "engee")
    shutil.copytree(CHECKOUT / "serverextension", folder / ".config" / "jupyter_server_config.d")
    # else JupyterLab asks a question that covers the page
    notification = folder / ".settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    notification.parent.mkdir(parents=True)
    notification.write_text('{"fetchNews": "false", "checkForUpdates": false}', encoding="utf-8")
    arguments = [
        "--expose-app-in-browser",
        "--no-browser",
        "--port=0",
        "--ServerApp.token=abc",
        "--ServerApp.allow_root=True",
    ]
    arguments += [f"--ServerApp.root_dir={folder}"]
    process = subprocess.Popen(
        [LAB_PYTHON, "-m", "jupyterlab", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    said: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=said.extend, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        yield Lab(_address(said, process), folder, said)
    finally:
        process.terminate()
        process.wait(timeout=30)
        reader.join(timeout=10)
        process.stdout.close()


def _kernelspec(folder: Path) -> None:
    shutil.copytree(CHECKOUT / "kernelspec", folder)
    spec = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))
    spec["argv"][0] = sys.executable
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")


def _address(said: list[str], process: subprocess.Popen[str]) -> str:
    deadline = time.monotonic() + LAB_START_S
    while time.monotonic() < deadline and process.poll() is None:
        for line in list(said):
            if found := re.search(r"http://(?:localhost|127\.0\.0\.1):\d+", line):
                return found[0]
        time.sleep(0.1)
    raise AssertionError("JupyterLab did not start:\n" + "".join(said))


@dataclass
class Notebook:
    """One notebook open in the page."""

    page: Page
    path: Path
    new_page: Callable[[], Page]

    def menu(self, *labels: str) -> None:
        """Click through the menu bar."""
        self.page.get_by_role("menuitem", name=labels[0], exact=True).first.click()
        for label in labels[1:]:
            self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{re.escape(label)}")).first.click()

    def run_all(self) -> None:
        self.menu("Run", "Run All Cells")

    def output(self, index: int) -> str:
        """The text of a cell's output area. JupyterLab keeps only what is in view."""
        self.cell(index).scroll_into_view_if_needed()
        return self.cell(index).locator(".jp-Cell-outputArea").inner_text()

    def wait_for_text(self, index: int, text: str, timeout_s: float = 30) -> None:
        where = self.cell(index).locator(".jp-Cell-outputArea")
        deadline = time.monotonic() + timeout_s
        while True:
            self.cell(index).scroll_into_view_if_needed()  # output above may have moved it out of view
            try:
                where.get_by_text(text).first.wait_for(timeout=1000)
                return
            except TimeoutError:
                if time.monotonic() > deadline:
                    raise

    def wait_until_idle(self, timeout_s: float = 60) -> None:
        self.page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=timeout_s * 1000)

    def wait_until_connected(self, *, idle: bool = True) -> None:
        """Before that, running a cell opens a dialog that asks for a kernel."""
        self.page.wait_for_function(CONNECTED, arg=idle, timeout=60_000)

    def run_cell(self, index: int) -> None:
        self.page.locator(".jp-CodeCell").nth(index).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    def cell(self, index: int) -> Locator:
        return self.page.locator(".jp-CodeCell").nth(index)

    def saved(self) -> str:
        """The notebook's file, saved now; no cell may run."""
        self.save()
        self.page.wait_for_function("!jupyterapp.shell.currentWidget.context.model.dirty")
        return self.path.read_text(encoding="utf-8")

    def save(self) -> None:
        before = self.path.stat().st_mtime_ns
        self.menu("File", "Save Notebook" if self.path.suffix == ".ipynb" else "Save Engee script")
        deadline = time.monotonic() + 20
        while self.path.stat().st_mtime_ns == before:
            assert time.monotonic() < deadline, "the notebook was not saved"
            self.page.wait_for_timeout(50)

    def prompt(self, index: int) -> str:
        """E.g. "[3]:" of a cell that has run, "[*]:" of one that runs."""
        return self.page.locator(".jp-CodeCell").nth(index).locator(".jp-InputPrompt").inner_text()

    def wait_for_prompt(self, index: int, prompt: str, timeout_s: float = 30) -> None:
        cell = self.page.locator(".jp-CodeCell").nth(index)
        cell.locator(".jp-InputPrompt", has_text=prompt).wait_for(timeout=timeout_s * 1000)

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """A cell's outputs in the page's own model of the notebook."""
        found: list[dict[str, Any]] = self.page.evaluate(OUTPUTS, index)
        return found

    def wait_for_outputs(self, index: int, text: str, timeout_s: float = 60) -> None:
        self.page.wait_for_function(
            f"([index, text]) => JSON.stringify(({OUTPUTS})(index)).includes(text)",
            arg=[index, text],
            timeout=timeout_s * 1000,
        )

    def reload(self) -> None:
        """What is not saved is lost, and nobody is asked whether that is right."""
        self.page.reload()
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell")

    def reopen(self) -> None:
        """In a new page; the one before is closed already."""
        self.page = self.new_page()

    def screenshot(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


OpenNotebook = Callable[..., Notebook]
Route = Callable[[WebSocketRoute], None]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what the page looked like when a test failed."""
    report = yield
    if report.when == "call" and report.failed:
        for number, page in enumerate(item.stash.get(OPEN_PAGES, [])):
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=SCREENSHOTS / f"failed-{item.name}-{number}.png")
    return report


@pytest.fixture
def open_notebook(
    lab: Lab, browser: Browser, shared_local_engee: LocalEngee, request: pytest.FixtureRequest
) -> Iterator[OpenNotebook]:
    """`open_notebook(name, cell, cell, …)` opens a new notebook of these cells; its kernel is ready.

    `script="…"`: a script of Engee's, by a double click.
    """
    shared_local_engee.reset(new_session=True)  # names that an earlier test defined can't be defined anew
    pages = request.node.stash[OPEN_PAGES] = list[Page]()

    def show(path: Path, route: Route | None) -> Page:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        pages.append(page)
        page.set_default_timeout(30_000)
        if route is not None:
            page.route_web_socket(re.compile("/channels"), route)
        page.goto(f"{lab.url}/lab/workspaces/{path.stem}{_opened(path)}?token=abc&reset")
        if path.suffix != ".ipynb":
            page.locator(".jp-DirListing-item", has_text=path.name).dblclick()
        page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        return page

    def open_it(
        name: str, *cells: str, kernel: str = "engee", route: Route | None = None, script: str | None = None
    ) -> Notebook:
        path = lab.folder / (f"{name}.ipynb" if script is None else f"{name}.ngscript")
        path.write_bytes((json.dumps(_notebook(cells, kernel)) if script is None else script).encode())
        notebook = Notebook(show(path, route), path, lambda: show(path, None))
        notebook.wait_until_connected()
        return notebook

    yield open_it
    for page in pages:
        page.close()


def _opened(path: Path) -> str:
    return f"/tree/{path.name}" if path.suffix == ".ipynb" else ""


def _notebook(cells: tuple[str, ...], kernel: str) -> dict[str, object]:
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": kernel, "display_name": kernel}},
        "cells": [
            {
                "id": f"cell-{number}",
                "cell_type": "code",
                "source": cell,
                "metadata": {},
                "outputs": [],
                "execution_count": None,
            }
            for number, cell in enumerate(cells)
        ],
    }
