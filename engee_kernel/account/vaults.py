"""Places that keep a text per key: the system's keyring, and a file that only its owner reads.

No message quotes a text. Everything here blocks; a keyring may ask the person to unlock it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from ..disk import replacing
from . import private

SERVICE = "engee-kernel"
FILE_LOCK_BOUND_S = 10.0
# Windows keeps 2560 bytes of UTF-16 in an entry; tokens may be longer
PIECE_CHARS = 1200


class VaultError(Exception):
    """A vault can't be read or written; the message says why and holds no secret."""


class Vault(Protocol):
    """A place for one text per key."""

    name: str

    def read(self, key: str) -> str | None:
        """Raises VaultError."""

    def write(self, key: str, text: str) -> None:
        """Raises VaultError; what was there before is then still there."""

    def delete(self, key: str) -> bool:
        """Whether there was something. Raises VaultError."""


class KeyringVault:
    """The system's keyring: Windows Credential Manager, macOS Keychain, Secret Service, KWallet.

    A long text is cut into pieces with names of their own; the entry under the key then names them. It is
    written last, so that a reader sees the old text or the new one, never a mixture.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.name = f"the system keyring ({backend.name})"

    @staticmethod
    def find() -> KeyringVault | None:
        """None where this system has no keyring that is fit for passwords, or it is switched off."""
        if _is_out_of_reach():
            return None
        import keyring  # noqa: PLC0415 - takes long to import, and is rarely needed
        from keyring.backends import fail, null  # noqa: PLC0415

        try:
            backend = keyring.get_keyring()
        except Exception as error:  # backends are other people's: a broken one must not keep the file from working
            raise VaultError(f"the system keyring can't be opened ({type(error).__name__})") from error
        chosen = "PYTHON_KEYRING_BACKEND" in os.environ
        if isinstance(backend, fail.Keyring | null.Keyring) or (float(backend.priority) < 1 and not chosen):
            return None
        return KeyringVault(backend)

    def read(self, key: str) -> str | None:
        for _ in range(3):  # a writer may take the pieces away between two reads
            head = self._get(key)
            if head is None or not head.startswith("pieces:"):
                return head
            _, name, count = head.split(":")
            pieces = [self._get(f"{key}#{name}.{number}") for number in range(int(count))]
            if all(piece is not None for piece in pieces):
                return "".join(piece or "" for piece in pieces)
        raise VaultError("its entry is incomplete")

    def write(self, key: str, text: str) -> None:
        old = self._piece_names(key)
        if len(text) <= PIECE_CHARS:
            self._set(key, text)
        else:
            name = uuid.uuid4().hex[:12]
            pieces = [text[start : start + PIECE_CHARS] for start in range(0, len(text), PIECE_CHARS)]
            for number, piece in enumerate(pieces):
                self._set(f"{key}#{name}.{number}", piece)
            self._set(key, f"pieces:{name}:{len(pieces)}")
        for piece_name in old:
            self._remove(piece_name)

    def delete(self, key: str) -> bool:
        pieces = self._piece_names(key)
        found = self._remove(key)
        for name in pieces:
            self._remove(name)
        return found

    def _piece_names(self, key: str) -> list[str]:
        head = self._get(key)
        if head is None or not head.startswith("pieces:"):
            return []
        _, name, count = head.split(":")
        return [f"{key}#{name}.{number}" for number in range(int(count))]

    def _get(self, username: str) -> str | None:
        with _keyring_errors("read"):
            value = self._backend.get_password(SERVICE, username)
            return value if isinstance(value, str) else None

    def _set(self, username: str, text: str) -> None:
        with _keyring_errors("written"):
            self._backend.set_password(SERVICE, username, text)

    def _remove(self, username: str) -> bool:
        if self._get(username) is None:
            return False
        with _keyring_errors("written"):
            self._backend.delete_password(SERVICE, username)
        return True


def _is_out_of_reach() -> bool:
    """Whether it is plain without the package `keyring`, which takes 10 MiB of a kernel, that it will find none.

    On a server with Linux no bus leads to one. Somebody may have chosen a backend or installed one of their own.
    """
    if sys.platform != "linux" or "keyring" in sys.modules:
        return False
    if any(name in os.environ for name in ("PYTHON_KEYRING_BACKEND", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY")):
        return False
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime, "bus").exists():
        return False
    settings = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    if Path(settings, "python_keyring", "keyringrc.cfg").exists():
        return False
    from importlib.metadata import entry_points  # noqa: PLC0415 - a start with a token in the environment needs none

    return all(one.value.startswith("keyring.backends.") for one in entry_points(group="keyring.backends"))


@contextmanager
def _keyring_errors(done: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # backends raise errors of their own libraries: D-Bus, Win32, macOS
        raise VaultError(f"it can't be {done} ({type(error).__name__})") from error


class FileVault:
    """A JSON file with the mode 0600; on Windows the person's profile keeps others out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = f"the file {path}"

    def read(self, key: str) -> str | None:
        value = self._load().get(key)
        return value if isinstance(value, str) else None

    def write(self, key: str, text: str) -> None:
        with self._changing() as records:
            records[key] = text

    def delete(self, key: str) -> bool:
        if not self.path.exists():
            return False
        with self._changing() as records:
            return records.pop(key, None) is not None

    def _load(self) -> dict[str, Any]:
        try:
            with os.fdopen(replacing.open_to_read(self.path), encoding="utf-8") as file:
                trouble = private.trouble_of(self.path, os.fstat(file.fileno()))
                if trouble:
                    raise VaultError(trouble)
                records = json.load(file)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise VaultError(f"it can't be read ({private.reason_of(error, self.path)})") from error
        except ValueError:
            raise VaultError("it is not JSON; remove it and log in again") from None
        return records if isinstance(records, dict) else {}

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """The records, written back whole: a reader never sees half a file."""
        from filelock import FileLock, Timeout  # noqa: PLC0415

        try:
            private.make_folder(self.path.parent)
            with FileLock(self.path.with_suffix(".lock"), timeout=FILE_LOCK_BOUND_S):
                try:
                    records = self._load()
                except VaultError:
                    if private.is_foreign(self.path):
                        raise
                    records = {}  # not fit to be used: what is written now replaces it
                yield records
                self._replace(json.dumps(records, indent=1))
        except (OSError, Timeout) as error:
            raise VaultError(f"it can't be written ({private.reason_of(error, self.path)})") from error

    def _replace(self, text: str) -> None:
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=".tokens-")  # made with 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            replacing.replace(Path(name), self.path)
        except BaseException:
            with suppress(OSError):
                replacing.remove(Path(name))
            raise
