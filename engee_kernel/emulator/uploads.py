"""`external/file/upload`: a multipart body streamed to disk, and files that appear only once they are whole."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path, PurePosixPath
from typing import IO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .context import USER_PREFIX, require_running_server
from .paths import OutsideUserError, UserPaths
from .replies import error_json

WRITE_BYTES = 1 << 20
FIELD_LIMIT_BYTES = 1 << 20
# What browsers and other clients write for characters that would end a quoted name (WHATWG form submission).
_NAME_ESCAPES = {"%22": '"', "%0D": "\r", "%0A": "\n"}


class UploadError(Exception):
    """The body is not what the contract asks for."""


class _Form:
    """The parts of a body, file parts in the folder `staging` in the order of their coming."""

    def __init__(self, boundary: bytes, staging: Path) -> None:
        self.files: list[tuple[str, Path]] = []
        self.fields: dict[str, bytes] = {}
        self._staging = staging
        self._header = [b"", b""]
        self._disposition = b""
        self._field: str | None = None
        self._file: IO[bytes] | None = None
        self._is_complete = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_header_field": lambda data, start, end: self._on_header(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._on_header(1, data[start:end]),
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_part,
                "on_part_data": lambda data, start, end: self._on_data(data[start:end]),
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )

    def write(self, data: bytes) -> None:
        """Raises UploadError."""
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise UploadError(f"The body is not multipart/form-data: {error}") from error

    def finish(self) -> None:
        """Raises UploadError if the closing boundary has not come: the body was cut off."""
        if not self._is_complete:
            raise UploadError("The body ends too early.")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _on_header(self, which: int, data: bytes) -> None:
        self._header[which] += data

    def _on_header_end(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = self._header[1]
        self._header = [b"", b""]

    def _on_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._disposition = b""
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name == "upload_files":
            path = self._staging / str(len(self.files))
            self._file = path.open("wb")
            self.files.append((_file_name(options.get(b"filename", b"")), path))
        else:
            self._field = name
            self.fields[name] = b""

    def _on_data(self, data: bytes) -> None:
        if self._file is not None:
            self._file.write(data)
        elif self._field is not None:
            self.fields[self._field] += data
            if len(self.fields[self._field]) > FIELD_LIMIT_BYTES:
                raise UploadError(f"The field {self._field} is too long.")

    def _on_part_end(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._field = None

    def _on_end(self) -> None:
        self._is_complete = True


async def upload(request: Request) -> Response:
    server = require_running_server(request)
    limit_bytes = server.settings.upload_limit_bytes
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or b"boundary" not in options:
        return error_json(400, "The body must be multipart/form-data with a boundary.")
    paths = UserPaths(server.folder.path)
    with server.work.activity(), _staging_folder(paths.root) as staging:
        form = _Form(options[b"boundary"], staging)
        try:
            received = await _receive(request, form, limit_bytes)
            if limit_bytes is not None and received > limit_bytes:
                return error_json(413, f"An upload must not be longer than {limit_bytes} bytes.")
            form.finish()
            placed = await asyncio.to_thread(_place_all, form, paths)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it; the staged parts go with their folder
        except UploadError as error:
            return error_json(400, str(error))
        except OutsideUserError as error:
            return error_json(403, f"{error} is outside /user.")
        finally:
            form.close()
    return JSONResponse(placed) if server.settings.upload_reply == "list" else Response()


async def _receive(request: Request, form: _Form, limit_bytes: int | None) -> int:
    """Feed the body to the form, in a thread and in larger pieces. Past the limit it is read but not kept."""
    received = 0
    piece = bytearray()
    async for chunk in request.stream():
        received += len(chunk)
        if limit_bytes is not None and received > limit_bytes:
            continue
        piece += chunk
        if len(piece) >= WRITE_BYTES:
            await asyncio.to_thread(form.write, bytes(piece))
            piece.clear()
    if piece:
        await asyncio.to_thread(form.write, bytes(piece))
    return received


@contextlib.contextmanager
def _staging_folder(root: Path) -> Iterator[Path]:
    """Beside /user, so that a finished file moves without being copied; else among the temporary files."""
    beside = root.parent if os.access(root.parent, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix=".engee-incoming-", dir=beside, ignore_cleanup_errors=True) as name:
        yield Path(name)


def _place_all(form: _Form, paths: UserPaths) -> list[str]:
    folders = [paths.resolve(source) for source in _sources(form.fields.get("paths"))]
    if len(folders) != len(form.files):
        raise UploadError(f"{len(folders)} sources but {len(form.files)} upload_files.")
    for name, _ in form.files:
        if name in ("", ".", ".."):
            raise UploadError("A file has no name.")
    placed = []
    for folder, (name, staged) in zip(folders, form.files, strict=True):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            placed.append(paths.name(_place(staged, folder, name)))
        except OSError as error:
            raise UploadError(f"{name} cannot be written there: {error.strerror}.") from error
    return placed


def _place(staged: Path, folder: Path, name: str) -> Path:
    """Move a whole file to a name that is free: `name.csv`, `name_1.csv`, `name_2.csv`, …"""
    stem, suffix = Path(name).stem, Path(name).suffix
    for number in count():
        target = folder / (f"{stem}_{number}{suffix}" if number else name)
        try:
            os.link(staged, target)  # fails where the name is taken, and never shows a part of the file
        except FileExistsError:
            continue
        except OSError:
            if not _copy_into_place(staged, target):
                continue
        return target
    raise AssertionError("count() does not end")


def _copy_into_place(staged: Path, target: Path) -> bool:
    """For file systems without hard links, and from another one. False where the name is taken."""
    try:
        target.open("xb").close()
    except FileExistsError:
        return False
    beside = target.with_name(f".{target.name[:100]}.incoming")
    shutil.copyfile(staged, beside)
    beside.replace(target)
    return True


def _sources(field: bytes | None) -> list[str]:
    try:
        sources = json.loads(field or b"")["sources"]
    except (ValueError, KeyError, TypeError) as error:
        raise UploadError('The field paths must be JSON: {"sources": ["/user/folder", …]}.') from error
    if not isinstance(sources, list) or not all(isinstance(source, str) for source in sources) or not sources:
        raise UploadError("sources must be a list of paths.")
    return sources


def _file_name(raw: bytes) -> str:
    name = raw.decode("utf-8", "replace")
    for escape, character in _NAME_ESCAPES.items():
        name = name.replace(escape, character)
    return PurePosixPath(name.replace("\\", "/")).name


routes = [Route(USER_PREFIX + "external/file/upload", upload, methods=["POST"])]
