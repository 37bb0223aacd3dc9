"""The parts of a `multipart/form-data` reply, pushed in chunk by chunk. No I/O, flat memory.

The parsing is python-multipart's; this names what a download's part carries.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from email.message import Message
from urllib.parse import unquote

from python_multipart.multipart import MultipartParser

from ..facts.errors import ReplyLostError, UnexpectedReplyError


def boundary_of(content_type: str) -> bytes | None:
    """The boundary of a multipart content type; None for another type."""
    message = Message()
    message["content-type"] = content_type
    if message.get_content_maintype() != "multipart":
        return None
    boundary = message.get_boundary()
    return boundary.encode("latin-1") if boundary else None


def file_name_of(disposition: str) -> str | None:
    """The file name of a Content-Disposition: `filename*` (RFC 5987, RFC 2231) before `filename`.

    A plain `filename` may come percent-encoded (browsers' form) or as raw UTF-8.
    """
    message = Message()
    try:
        disposition = disposition.encode("latin-1").decode("utf-8")
    except UnicodeError:
        pass
    message["content-disposition"] = disposition
    names = [value for key, value in message.get_params([], "content-disposition") if key == "filename"]
    if not names:
        return None
    decoded = [name for name in names if isinstance(name, tuple)]  # the filename*
    value: str | tuple[str | None, str | None, str] = (decoded or names)[0]
    if isinstance(value, tuple):
        charset, _, text = value
        return text.encode("latin-1", "replace").decode(charset or "utf-8", "replace") if charset else text
    return unquote(value) if "%" in value else value


class PartReader:
    """Feed it a reply's chunks: `on_name(file name or None)` per part, then `on_data` for its bytes."""

    def __init__(
        self, boundary: bytes, on_name: Callable[[str | None], None], on_data: Callable[[bytes], None]
    ) -> None:
        self._on_name = on_name
        self._on_data = on_data
        self._header = b""
        self._value = b""
        self._name: str | None = None
        self.parts = 0
        self.complete = False
        self._parser = MultipartParser(
            boundary,
            callbacks={
                "on_part_begin": self._part_begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_end": self._end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """Raises UnexpectedReplyError for what is not multipart of that boundary."""
        from python_multipart.exceptions import MultipartParseError  # noqa: PLC0415

        try:
            self._parser.write(chunk)
        except MultipartParseError as error:
            raise UnexpectedReplyError(f"The download is not proper multipart/form-data: {error}.") from error

    def _part_begin(self) -> None:
        self.parts += 1
        self._name = None

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._name = file_name_of(self._value.decode("latin-1"))
        self._header = self._value = b""

    def _headers_finished(self) -> None:
        self._on_name(self._name)

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        # all of a chunk, as most are, is passed on as it is: slicing would copy it
        self._on_data(data if end - start == len(data) else data[start:end])

    def _end(self) -> None:
        self.complete = True


async def single_part(body: AsyncIterator[bytes], boundary: bytes) -> AsyncIterator[bytes]:
    """The bytes of the one file in a multipart reply."""
    ready: list[bytes] = []
    reader = PartReader(boundary, lambda name: None, ready.append)
    async for chunk in body:
        reader.feed(chunk)
        if reader.parts > 1:
            raise UnexpectedReplyError("The download of one file has several parts.")
        for piece in ready:
            yield piece
        ready.clear()
    if not reader.complete:
        raise ReplyLostError("The download ended before the file was complete.", "Try again.")
