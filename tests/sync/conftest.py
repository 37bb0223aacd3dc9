"""A folder here, one in Engee, and rounds between them on a real local Engee."""

from __future__ import annotations

from pathlib import Path

import pytest
from files.conftest import client, here, notebook, remote, user

from engee_kernel.files.remote import RemoteFiles
from engee_kernel.files.transfer import Silent
from engee_kernel.sync.manifest import Manifest
from engee_kernel.sync.rounds import Outcome, Rounds

__all__ = ["client", "here", "notebook", "remote", "user"]

TARGET = "/user/src"


class Pair:
    """`here` and `there` are what a person edits; `sync` is one call of the command."""

    def __init__(self, remote: RemoteFiles, here: Path, there: Path, state: Path) -> None:
        self._remote = remote
        self.here = here
        self.there = there
        self._state = state

    def manifest(self) -> Manifest:
        return Manifest("http://localhost", self.here, TARGET, str(self._state))

    async def sync(self, *, delete: bool = False, force: bool = False, is_dry: bool = False) -> Outcome:
        manifest = self.manifest()
        with manifest.held():
            rounds = Rounds(self._remote, manifest, self.here, TARGET, delete=delete, force=force)
            return await rounds.run(Silent(), is_dry=is_dry)


@pytest.fixture
def pair(remote: RemoteFiles, here: Path, user: Path, tmp_path: Path) -> Pair:
    return Pair(remote, here, user / "src", tmp_path / "state")
