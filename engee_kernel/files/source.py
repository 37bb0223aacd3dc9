"""A local file on its way out. Everything here blocks.

Some file systems give a size that is not the file's: /proc says 0, /sys a page, a cloud drive what it likes. The
API wants sizes ahead, so such a file is copied first, and the copy is sent.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ..facts.errors import TransferError
from ..facts.text import size as in_words
from .remote import Digest
from .transfer import local_error

PIECE_BYTES = 1 << 20
COPY_LIMIT_BYTES = 2**30


def size_is_true(path: Path, size_bytes: int) -> bool:
    """Whether the file ends where its file system says, or has just grown or shrunk. Raises OSError."""
    with path.open("rb", buffering=0) as file:
        try:
            if size_bytes:
                file.seek(size_bytes - 1)
            is_true = len(file.read(2)) == min(size_bytes, 1)
        except OSError:
            return False  # what can't be read there, or sought in
        return is_true or os.fstat(file.fileno()).st_size != size_bytes


def measured(path: Path, *, limit_bytes: int = COPY_LIMIT_BYTES) -> int:
    """What can be read of a file whose size is not known. Raises OSError, TransferError beyond the limit."""
    count = 0
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            count += len(piece)
            if count > limit_bytes:
                raise TransferError(
                    f"“{path}” does not end where its file system says, nor within {in_words(limit_bytes)}.",
                    "Copy what is needed of it into a file of its own, and upload that one.",
                )
    return count


class LocalSource:
    """Opened when its turn comes, its checksum made as it is read. `copied`: its own size is not to be trusted."""

    def __init__(self, path: Path, size_bytes: int, *, copied: bool = False) -> None:
        self._path = path
        self._copied = copied
        self._file: BinaryIO | None = None
        self._copy: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self.size_bytes = size_bytes

    def prepare(self) -> None:
        """Called before the size is told to anybody. Raises TransferError."""
        if not self._copied or self._copy is not None:
            return
        try:
            self._copy = tempfile.TemporaryFile(prefix="engee-kernel-")  # noqa: SIM115 - closed by `close`
            with self._path.open("rb") as file:
                self.size_bytes = 0
                while piece := file.read(PIECE_BYTES):
                    self.size_bytes += self._copy.write(piece)
                    if self.size_bytes > COPY_LIMIT_BYTES:
                        raise TransferError(f"“{self._path}” has more than {in_words(COPY_LIMIT_BYTES)} and no end.")
        except OSError as error:
            raise local_error(error, self._path, "Reading") from error

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._release()
        self._hash = hashlib.sha256()
        return 0

    def read(self, size: int = -1, /) -> bytes:
        """Raises TransferError."""
        try:
            if self._file is None:
                self._file = self._opened()
            piece = self._file.read(size)
            self._hash.update(piece)
            if self._file.tell() >= self.size_bytes:
                self._release()
        except OSError as error:
            raise local_error(error, self._path, "Reading") from error
        return piece

    def close(self) -> None:
        self._release()
        if self._copy is not None:
            self._copy.close()
            self._copy = None

    @property
    def digest(self) -> Digest:
        """Once all of it was read."""
        return Digest(self._hash.hexdigest(), self.size_bytes)

    def _opened(self) -> BinaryIO:
        if self._copy is None:
            return self._path.open("rb")
        self._copy.seek(0)
        return self._copy

    def _release(self) -> None:
        """Of many files in one request only one is open at a time; a copy has no name and stays."""
        if self._file is not None and self._file is not self._copy:
            self._file.close()
        self._file = None


def size_of(path: Path, size_bytes: int, measure: Callable[[Path], int] = measured) -> tuple[int, bool]:
    """The size to reckon with, and whether it is none to trust. Raises OSError, TransferError."""
    return (size_bytes, False) if size_is_true(path, size_bytes) else (measure(path), True)
