"""The multipart/form-data body of an upload: streamed, of a known length, and able to be sent again.

Not httpx's own: that one reads 64 KiB at a time on the event loop, which halves the speed of large files.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..facts.errors import TransferError

PIECE_BYTES = 1 << 18


class Content(Protocol):
    """What is read of a file; both are called in a thread. `seek(0)` starts anew."""

    def read(self, size: int = -1, /) -> bytes: ...

    def seek(self, offset: int, whence: int = 0, /) -> int: ...


@dataclass(frozen=True, slots=True)
class Upload:
    """A file for `EngeeClient.upload`: its content, the name it gets, the remote folder it goes to.

    `size_bytes` is found by seeking where it is not given.
    """

    content: Content
    name: str
    directory: str
    size_bytes: int | None = None


class UploadBody:
    """An async iterable for httpx, which may iterate it a second time (after a 401).

    `on_sent` is told of the bytes of file content that went out; less than 0 when sending starts anew.
    """

    def __init__(self, paths: str, files: Sequence[Upload], on_sent: Callable[[int], None] | None = None) -> None:
        self._boundary = f"engee-kernel-{secrets.token_hex(16)}"
        self._files = files
        self._sizes = [_size(file) if file.size_bytes is None else file.size_bytes for file in files]
        field = f'--{self._boundary}\r\nContent-Disposition: form-data; name="paths"\r\n\r\n{paths}'
        self._heads = [self._head(file) for file in files]
        self._field, self._tail = field.encode(), f"\r\n--{self._boundary}--\r\n".encode()
        self._on_sent = on_sent
        self._sent = 0

    @property
    def headers(self) -> dict[str, str]:
        length = len(self._field) + sum(map(len, self._heads)) + sum(self._sizes) + len(self._tail)
        return {
            "Content-Type": f"multipart/form-data; boundary={self._boundary}",
            "Content-Length": str(length),
        }

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._tell(-self._sent)
        yield self._field
        for file, head, size in zip(self._files, self._heads, self._sizes, strict=True):
            yield head
            await asyncio.to_thread(file.content.seek, 0)
            left = size
            while left:
                piece = await asyncio.to_thread(file.content.read, min(left, PIECE_BYTES))
                if not piece:
                    raise TransferError(
                        f"“{file.name}” became shorter while it was read.", "Try again when nothing writes to it."
                    )
                left -= len(piece)
                yield piece
                self._tell(len(piece))
        yield self._tail

    def _head(self, file: Upload) -> bytes:
        # the escapes are those of browsers (WHATWG); the name itself is UTF-8
        name = file.name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        return (
            f'\r\n--{self._boundary}\r\nContent-Disposition: form-data; name="upload_files"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()

    def _tell(self, sent: int) -> None:
        self._sent += sent
        if self._on_sent is not None and sent:
            self._on_sent(sent)


def _size(file: Upload) -> int:
    size = file.content.seek(0, 2)
    file.content.seek(0)
    return size
