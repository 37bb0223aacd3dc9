"""Fixtures that any test may use: a real Julia, and local Engees over the real socket."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from browser import chromium

from engee_kernel.emulator.julia import JuliaNotFoundError, find_julia
from engee_kernel.emulator.process import LocalEngee

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LocalEngeeFactory = Callable[..., LocalEngee]


def pytest_configure() -> None:
    """Shells start what they put in the background with Ctrl-C ignored, and children inherit that: undone."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def julia() -> Path:
    """The Julia that the local Engee runs."""
    try:
        return find_julia()
    except JuliaNotFoundError as error:
        pytest.fail(f"{error}\nIn this checkout: run `make setup` once.", pytrace=False)


def _end(engee: LocalEngee) -> None:
    """End a local Engee and see that neither it nor a process of its Julia is left."""
    started = _descendants(engee)
    engee.close()
    _, left = psutil.wait_procs(started, timeout=10)
    assert not left, f"left behind by the local Engee: {left}"


def _descendants(engee: LocalEngee) -> list[psutil.Process]:
    if engee.process is None or engee.process.poll() is not None:
        return []
    try:
        return psutil.Process(engee.process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@pytest.fixture
def local_engee_factory(julia: Path) -> Iterator[LocalEngeeFactory]:
    """`local_engee_factory(**options)` starts a local Engee of the test's own; it is ended after the test."""
    started: list[LocalEngee] = []

    def start(**options: object) -> LocalEngee:
        engee = LocalEngee(**options)  # type: ignore[arg-type]
        started.append(engee)
        return engee.start()

    yield start
    for engee in started:
        _end(engee)


@pytest.fixture(scope="session")
def shared_local_engee(julia: Path) -> Iterator[LocalEngee]:
    """The one behind `local_engee`: use that one, which is reset before each test."""
    with LocalEngee() as engee:
        yield engee
        _end(engee)


@pytest.fixture
def local_engee(shared_local_engee: LocalEngee) -> LocalEngee:
    """The shared local Engee, reset: no faults, default switches, running. Julia's variables stay."""
    shared_local_engee.reset()
    return shared_local_engee


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all tests: a process can have only one Playwright at work."""
    path = chromium.path()
    if path is None:
        pytest.skip("NO CHROMIUM: NO PAGE IS TESTED. Install it (apt-get install chromium), or set ENGEE_CHROMIUM.")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - not for tests without pages

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=list(chromium.OPTIONS))
        yield launched
        launched.close()
