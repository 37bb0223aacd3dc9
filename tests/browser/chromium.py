"""The browser of these tests: as the system has it. Playwright's own download is not used."""

from __future__ import annotations

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")

OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def path() -> str | None:
    """`ENGEE_CHROMIUM`, or a Chromium or Chrome on PATH."""
    return os.environ.get("ENGEE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
