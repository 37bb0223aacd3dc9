"""The pictures of the documentation, taken from a real JupyterLab on a local Engee: `python -m tests.docs.pictures`.

They go to notebooks/pictures/. Look at them before they are committed. It needs Chromium.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from engee_kernel.emulator.process import LocalEngee

from .documents import CHECKOUT, README, code_blocks

PICTURES = CHECKOUT / "notebooks" / "pictures"
SIZE = {"width": 1100, "height": 740}
START_LIMIT_S = 90
CELL_LIMIT_MS = 120_000
KERNEL = {"name": "engee", "display_name": "Engee (Julia)", "language": "julia"}

SWEEP = """\
using Printf
for k in 1:30
    @printf("\\r%s%s  %2d of 30 controllers tried", "█"^k, "░"^(30 - k), k)
    sleep(0.4)
end
println("\\ndone")"""
MISTAKE = """\
gain(K, τ) = sqrt(1 - K) / τ
gain(0.5, 2.0) + gain(1.5, 2.0)"""
JOB = """\
%%job --name sweep
for ζ in 0.2:0.3:0.8
    println("ζ = ", ζ)
    sleep(1)
end"""
UPLOAD = """\
%upload measurements.bin
%ls"""


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with LocalEngee() as engee, tempfile.TemporaryDirectory(prefix="engee-pictures-") as name:
        folder = Path(name)
        with _lab(engee, folder) as url, sync_playwright() as playwright:
            path = os.environ.get("ENGEE_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
            (folder / "data.csv").write_text("t,y\n0,0\n", encoding="utf-8")
            _launcher(browser, url)
            _first_plot(browser, url, folder)
            _live(browser, url, folder)
            _mistake(browser, url, folder)
            _controls(browser, url, folder)
            (folder / "measurements.bin").write_bytes(os.urandom(30_000_000))
            _jobs(browser, url, folder)
            _script(browser, url, folder)
            browser.close()
    for picture in sorted(PICTURES.glob("*.png")):
        sys.stdout.write(f"{picture.relative_to(CHECKOUT)}: {picture.stat().st_size // 1024} KB\n")


@contextmanager
def _lab(engee: LocalEngee, folder: Path) -> Iterator[str]:
    settings = folder / ".settings" / "@jupyterlab"
    for plugin, fields in {
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        "notebook-extension/tracker": {"windowingMode": "none"},
    }.items():
        path = settings / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(fields), encoding="utf-8")
    environment = {
        **os.environ,
        "ENGEE_URL": engee.url,
        "ENGEE_TOKEN": engee.token,
        "ENGEE_STATE_DIR": str(folder / ".state"),
        "JUPYTER_CONFIG_DIR": str(folder / ".config"),
        "JUPYTER_DATA_DIR": str(folder / ".data"),
        "JUPYTER_RUNTIME_DIR": str(folder / ".runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / ".settings"),
    }
    options = ["--no-browser", "--port=0", "--ServerApp.token=abc", "--ServerApp.allow_root=True"]
    log = folder / ".lab.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options, f"--ServerApp.root_dir={folder}"],
            env=environment,
            stdout=output,
            stderr=output,
        )
        try:
            yield _address(log, process)
        finally:
            process.terminate()
            process.wait(30)


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"http://(?:localhost|127\.0\.0\.1):\d+", log.read_text(encoding="utf-8")):
            return found[0]
        time.sleep(0.1)
    raise RuntimeError("JupyterLab did not start:\n" + log.read_text(encoding="utf-8"))


def _page(browser: Browser, address: str) -> Page:
    page = browser.new_page(viewport=SIZE)
    page.set_default_timeout(CELL_LIMIT_MS)
    page.goto(address)
    return page


def _open(browser: Browser, url: str, folder: Path, name: str, *cells: str) -> Page:
    """A new notebook of these cells, its kernel ready, the file browser out of the way."""
    written = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": KERNEL},
        "cells": [
            {
                "id": f"c{number}",
                "cell_type": "code",
                "source": cell,
                "metadata": {},
                "outputs": [],
                "execution_count": None,
            }
            for number, cell in enumerate(cells)
        ],
    }
    (folder / f"{name}.ipynb").write_text(json.dumps(written), encoding="utf-8")
    page = _page(browser, f"{url}/lab/workspaces/{name}/tree/{name}.ipynb?token=abc&reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.locator("#jp-main-statusbar").get_by_text("Engee (Julia) | Idle").wait_for()
    page.keyboard.press("Control+b")
    page.locator(".jp-CodeCell .cm-content").first.click()
    return page


def _run(page: Page, index: int) -> None:
    page.locator(".jp-CodeCell").nth(index).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")


def _done(page: Page, index: int) -> None:
    """Its prompt has a number."""
    prompt = page.locator(".jp-CodeCell").nth(index).locator(".jp-InputPrompt")
    prompt.get_by_text(re.compile(r"\[\d+\]")).wait_for()


def _shoot(page: Page, name: str, height: int | None = None) -> None:
    page.keyboard.press("Escape")
    page.wait_for_timeout(400)
    clip = {"x": 0.0, "y": 0.0, "width": float(SIZE["width"]), "height": float(height or SIZE["height"])}
    page.screenshot(path=PICTURES / f"{name}.png", clip=clip)


def _launcher(browser: Browser, url: str) -> None:
    page = _page(browser, f"{url}/lab?token=abc&reset")
    page.locator(".jp-LauncherCard", has_text="Engee (Julia)").first.wait_for()
    page.wait_for_timeout(1000)
    _shoot(page, "launcher", 420)
    page.close()


def _first_plot(browser: Browser, url: str, folder: Path) -> None:
    first, plot = (block.text for block in code_blocks(README, "julia")[:2])
    page = _open(browser, url, folder, "first", first, plot)
    for index in range(2):
        _run(page, index)
        _done(page, index)
    page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea img, .jp-OutputArea svg").first.wait_for()
    _shoot(page, "first-plot")
    page.close()


def _live(browser: Browser, url: str, folder: Path) -> None:
    page = _open(browser, url, folder, "live", SWEEP)
    _run(page, 0)
    page.locator(".jp-CodeCell").first.get_by_text(re.compile(r"(1[3-9]|2[0-6]) of 30")).wait_for()
    page.keyboard.press("Escape")
    page.screenshot(path=PICTURES / "live.png", clip={"x": 0, "y": 0, "width": SIZE["width"], "height": 260})
    page.close()


def _mistake(browser: Browser, url: str, folder: Path) -> None:
    page = _open(browser, url, folder, "mistake", MISTAKE)
    _run(page, 0)
    page.get_by_text("DomainError").first.wait_for()
    _done(page, 0)
    _shoot(page, "error", 390)
    page.close()


def _controls(browser: Browser, url: str, folder: Path) -> None:
    (cell,) = (block.text for block in code_blocks("docs/controls.md", "julia"))
    page = _open(browser, url, folder, "controls", cell)
    _run(page, 0)
    _done(page, 0)
    page.locator(".noUi-handle").click()
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    page.get_by_text("On the Earth it takes 2.26 s").wait_for()
    page.screenshot(path=PICTURES / "controls.png", clip={"x": 0, "y": 60, "width": SIZE["width"], "height": 400})
    page.close()


def _jobs(browser: Browser, url: str, folder: Path) -> None:
    page = _open(browser, url, folder, "jobs", JOB, "%jobs", UPLOAD)
    for index in range(3):
        _run(page, index)
        _done(page, index)
    _shoot(page, "jobs", 620)
    page.close()


def _script(browser: Browser, url: str, folder: Path) -> None:
    shutil.copy(CHECKOUT / "tests" / "scripts" / "pendulum.ngscript", folder / "pendulum.ngscript")
    page = _page(browser, f"{url}/lab/workspaces/script?token=abc&reset")
    page.locator(".jp-DirListing-item", has_text="pendulum.ngscript").dblclick()
    page.locator("#jp-main-statusbar").get_by_text("Engee (Julia) | Idle").wait_for()
    for index in range(2):
        _run(page, index)
        _done(page, index)
    _shoot(page, "script", 420)
    page.close()


if __name__ == "__main__":
    main()
