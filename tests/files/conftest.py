"""A notebook without its front end: real magics, a real session, a real local Engee; only the screen is ours."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from engee_kernel import magics
from engee_kernel.api.client import EngeeClient
from engee_kernel.cells.cell import Cell
from engee_kernel.cells.options import Options
from engee_kernel.cells.remote import Remote
from engee_kernel.cells.session import Session
from engee_kernel.emulator.process import LocalEngee
from engee_kernel.facts.events import Display, Event, Input, Stream
from engee_kernel.files.remote import RemoteFiles


class Screen:
    """What a person would have seen."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.notices: list[str] = []

    async def publish(self, event: Event) -> None:
        self.events.append(event)

    async def ask(self, prompt: Input) -> str | None:
        return None

    def condition(self, text: str) -> None:
        pass

    def notice(self, text: str) -> None:
        self.notices.append(text)

    @property
    def text(self) -> str:
        shown = [
            event.text if isinstance(event, Stream) else str(event.data["text/plain"])
            for event in self.events
            if isinstance(event, Stream | Display)
        ]
        return "\n".join([*shown, *self.notices])


class Notebook:
    """The part of the kernel that magics see."""

    def __init__(self, client: EngeeClient, options: Options) -> None:
        self.settings: Any = None
        self.remote_folder = "/user"
        self.session = Session(client, options, tell=print)

    def engee(self) -> Session:
        return self.session

    def disconnect(self) -> None:
        raise AssertionError("no magic of this folder changes settings")

    def history(self) -> list[tuple[int, str]]:
        return []

    async def ask_line(self, prompt: str, *, password: bool = False) -> str | None:
        return None

    async def run(self, code: str) -> Screen:
        screen = Screen()
        await magics.run_cell(self, Cell(code, 1), screen)
        return screen

    async def complete(self, line: str) -> list[str]:
        found = await magics.complete(self, line, len(line))
        assert found is not None
        return [line[: found[0]] + match for match in found[1]]


@pytest.fixture
def user(local_engee: LocalEngee) -> Iterator[Path]:
    """The folder that is /user in Engee, empty."""
    if not local_engee.user_is_mounted:
        pytest.skip("absolute /user paths in Julia do not lead to the local Engee's folder on this system")
    folder = Path(local_engee.user_dir)
    empty(folder)
    yield folder
    empty(folder)


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The notebook's folder, empty, with no sign of the machine's own home."""
    folder = tmp_path / "мой блокнот"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
async def client(local_engee: LocalEngee) -> AsyncIterator[EngeeClient]:
    async with EngeeClient(local_engee.url, local_engee.token, retry_bound_s=5.0) as made:
        yield made


@pytest.fixture
async def notebook(client: EngeeClient, user: Path, here: Path) -> AsyncIterator[Notebook]:
    made = Notebook(client, Options(poll_wait_s=5.0))
    yield made
    await made.session.detach()


@pytest.fixture
def remote(client: EngeeClient, user: Path) -> RemoteFiles:
    return RemoteFiles(client, Remote(client, poll_wait_s=5.0))


def link(path: Path, target: Path | str, *, is_folder: bool = False) -> None:
    """A symbolic link; skips the test where making one takes a right that this person has not (Windows)."""
    try:
        path.symlink_to(target, target_is_directory=is_folder)
    except OSError as error:
        if not getattr(error, "winerror", None):
            raise
        pytest.skip("making symbolic links takes a right here")


def left_behind(folder: Path) -> list[str]:
    """Whatever a transfer may have forgotten, on either side."""
    marks = (".engee-kernel-", ".engee_kernel", "engee-kernel-", ".part")
    with contextlib.suppress(FileNotFoundError):
        return [
            str(Path(place, name))
            for place, folders, names in os.walk(folder)
            for name in [*folders, *names]
            if any(mark in name for mark in marks)
        ]
    return []


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every file's bytes and every folder (None) by its relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
