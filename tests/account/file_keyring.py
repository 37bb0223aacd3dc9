"""A keyring for tests: a JSON file, and entries as short as those of Windows."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError, PasswordSetError

LIMIT_CHARS = 1280


class FileKeyring(KeyringBackend):
    priority = 5.0  # type: ignore[assignment]
    name = "test keyring"  # type: ignore[assignment]

    @property
    def _path(self) -> Path:
        return Path(os.environ["TEST_KEYRING_FILE"])

    def entries(self) -> dict[str, str]:
        return dict(json.loads(self._path.read_text(encoding="utf-8"))) if self._path.exists() else {}

    def _write(self, entries: dict[str, str]) -> None:
        new = self._path.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(entries), encoding="utf-8")
        new.replace(self._path)

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries().get(f"{service}|{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        if len(password) > LIMIT_CHARS:
            raise PasswordSetError("The stub received bad data.")
        self._write(self.entries() | {f"{service}|{username}": password})

    def delete_password(self, service: str, username: str) -> None:
        entries = self.entries()
        if f"{service}|{username}" not in entries:
            raise PasswordDeleteError(username)
        del entries[f"{service}|{username}"]
        self._write(entries)


class BrokenKeyring(FileKeyring):
    """One that is locked and stays so."""

    def get_password(self, service: str, username: str) -> str | None:
        raise OSError("locked")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise OSError("locked")
