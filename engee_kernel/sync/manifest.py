"""What was sent from one folder here to one in Engee: how a change made in Engee is told from one made here.

It lies with this package's other state on this computer, not in either folder: git does not see it, Engee's disk
holds nothing but the files, and a second computer does not take the first one's changes for its own. Its name is a
checksum of both folders, so that any path will do on any system.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..facts.errors import TransferError, UsageError

VERSION = 1
FOLDER = "sync"


@dataclass
class Sent:
    """One file. `checksums`: what may be in Engee by our doing, newest last; two while the newer is on its way.

    `mark`: size and time of the local file that has the newest checksum. `remote`: size and time in Engee, as they
    were when it had that, too.
    """

    checksums: list[str] = field(default_factory=list)
    mark: tuple[int, int] | None = None
    remote: tuple[int, float] | None = None

    @property
    def newest(self) -> str:
        return self.checksums[-1] if self.checksums else ""


class Manifest:
    """Of `root` here and `target` in the Engee of `url`. `state_dir` "": where this system has such things."""

    def __init__(self, url: str, root: Path, target: str, state_dir: str = "") -> None:
        self.pair = {"url": url, "source": str(root), "target": target}
        key = json.dumps([url, os.path.normcase(root), target])
        self.path = folder_of(state_dir) / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
        self.files: dict[str, Sent] = {}
        self._saved = ""

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else sends from the one folder to the other meanwhile; what was sent is loaded.

        Raises UsageError where somebody does, TransferError.
        """
        if self.path.parent.resolve().is_relative_to(self.pair["source"]):
            raise UsageError(
                f"The record of what was sent would lie in the folder that is sent: {self.path.parent}.",
                "Name a smaller folder, or another place for the record with the setting state_dir.",
            )
        from filelock import FileLock, Timeout  # noqa: PLC0415 - for those who synchronise only

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = FileLock(f"{self.path}.lock", timeout=0)
            lock.acquire()
        except Timeout as error:
            raise UsageError(
                f"{self.pair['source']} is being sent to {self.pair['target']} by another sync.",
                "That one sends what changes, if it watches; else try again when it has ended.",
            ) from error
        except OSError as error:
            raise self._error("written", error) from error
        try:
            self.load()
            yield
        finally:
            lock.release()

    def load(self) -> None:
        """Raises TransferError for one that can't be read; what is no manifest counts as none."""
        try:
            raw = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._error("read", error) from error
        except ValueError:
            return
        if isinstance(raw, dict) and raw.get("version") == VERSION and isinstance(raw.get("files"), dict):
            self.files = {str(name): sent for name, entry in raw["files"].items() if (sent := _sent(entry))}

    def save(self) -> None:
        """Raises TransferError."""
        files = {name: _entry(sent) for name, sent in sorted(self.files.items()) if sent.checksums}
        text = json.dumps({"version": VERSION, **self.pair, "files": files}, ensure_ascii=False, indent=0)
        if text == self._saved:
            return
        fresh = self.path.with_suffix(f".{os.getpid()}.new")
        try:
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self.path)
            self._saved = text
        except OSError as error:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise self._error("written", error) from error

    def _error(self, what: str, error: OSError) -> TransferError:
        return TransferError(
            f"The record of what was sent, {self.path}, can't be {what}: {error.strerror or error}.",
            "Without it a change made in Engee can't be told. Choose another folder with the setting state_dir.",
        )


def folder_of(state_dir: str) -> Path:
    if state_dir:
        return Path(state_dir).expanduser() / FOLDER
    import platformdirs  # noqa: PLC0415 - for those who synchronise only

    return Path(platformdirs.user_state_dir("engee_kernel", appauthor=False)) / FOLDER


def _entry(sent: Sent) -> dict[str, Any]:
    return {"sha256": sent.checksums, "local": sent.mark, "remote": sent.remote}


def _sent(entry: Any) -> Sent | None:
    """None for what no version of this module wrote."""
    try:
        local, remote = entry["local"], entry["remote"]
        return Sent(
            [str(checksum) for checksum in entry["sha256"]],
            (int(local[0]), int(local[1])) if local else None,
            (int(remote[0]), float(remote[1])) if remote else None,
        )
    except (TypeError, KeyError, ValueError, IndexError):
        return None
