"""A page that is away for longer than servers and browsers wait: closed, or its computer asleep."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from .conftest import OpenNotebook
from .test_reload import assert_lines

pytestmark = [pytest.mark.browser, pytest.mark.julia, pytest.mark.slow, pytest.mark.timeout(480)]

CLOSED_S = 85
ASLEEP_S = 150


def lines(number: int) -> str:
    return f'for i in 0:{number - 1}; println("line ", i); sleep(0.5); end'


@contextmanager
def asleep() -> Iterator[None]:
    """The browser's processes are stopped, as all are where a computer sleeps."""
    browsers = [one for one in psutil.Process().children(recursive=True) if "chrom" in one.name().lower()]
    assert browsers
    for one in browsers:
        one.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for one in browsers:
            one.send_signal(signal.SIGCONT)


def test_a_page_closed_for_a_long_time(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("long-closed", lines(200))
    notebook.run_cell(0)
    notebook.wait_for_outputs(0, "line 5")
    notebook.page.close()
    time.sleep(CLOSED_S)
    notebook.reopen()
    notebook.wait_for_outputs(0, "line 199", timeout_s=120)
    notebook.wait_for_prompt(0, "[1]:")
    assert_lines(notebook, lines=200)


@pytest.mark.skipif(sys.platform == "win32", reason="a process can't be stopped and continued there")
def test_a_computer_that_slept(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("long-asleep", lines(400))
    notebook.run_cell(0)
    notebook.wait_for_outputs(0, "line 5")
    with asleep():
        time.sleep(ASLEEP_S)
    notebook.wait_for_outputs(0, "line 399", timeout_s=200)
    notebook.wait_for_prompt(0, "[1]:", timeout_s=60)
    assert_lines(notebook, lines=400)
