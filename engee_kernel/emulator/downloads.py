"""`external/file/download`: one file as multipart/form-data, several as a ZIP, both streamed."""

from __future__ import annotations

import asyncio
import io
import json
import secrets
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from .context import USER_PREFIX, require_running_server
from .paths import OutsideUserError, UserPaths
from .replies import error_json

CHUNK_BYTES = 1 << 20
HOSTILE_NAMES = (
    "../escaped.txt",
    "../../../../../../../../tmp/escaped.txt",
    "/tmp/escaped.txt",  # noqa: S108 - what a client must not follow
    "inner/../../escaped.txt",
    "C:\\escaped.txt",
    "..\\escaped.txt",
)


async def download(request: Request) -> Response:
    server = require_running_server(request)
    paths = UserPaths(server.folder.path)
    with server.work.activity():
        sources = _sources(await request.body())
        if sources is None:
            return error_json(400, 'The body must be JSON: {"sources": ["/user/file", …]}.')
        try:
            files = [paths.resolve(source) for source in sources]
        except OutsideUserError as error:
            return error_json(403, f"{error} is outside /user.")
        for source, file in zip(sources, files, strict=True):
            if not await asyncio.to_thread(file.is_file):
                return error_json(404, f"There is no file {source}.")
    if len(files) == 1:
        return _one_file(files[0], server.settings.download_name)
    names = entry_names(files, paths if server.settings.zip_names == "path" else None)
    is_hostile = bool(request.scope.get("engee.hostile_zip"))
    return StreamingResponse(_zip(names, is_hostile), media_type="application/x-zip-compressed")


def _one_file(file: Path, name_form: str) -> Response:
    boundary = f"----engee{secrets.token_hex(12)}"
    disposition = 'form-data; name="file"'
    if name_form == "plain":
        escaped = file.name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        disposition += f'; filename="{escaped}"'
    elif name_form == "extended":
        disposition += f"; filename*=UTF-8''{quote(file.name, safe='')}"
    head = (
        f"--{boundary}\r\nContent-Disposition: {disposition}\r\nContent-Type: application/octet-stream\r\n\r\n"
    ).encode("utf-8", "surrogateescape")
    tail = f"\r\n--{boundary}--\r\n".encode("ascii")
    size = file.stat().st_size

    def parts() -> Iterator[bytes]:
        yield head
        yield from _content(file, size)
        yield tail

    return StreamingResponse(
        parts(),
        media_type=f"multipart/form-data; boundary={boundary}",
        headers={"Content-Length": str(len(head) + size + len(tail))},
    )


def _content(file: Path, size: int) -> Iterator[bytes]:
    """At most `size` bytes: a file that grows meanwhile must not outgrow its announced length."""
    with file.open("rb") as source:
        while size > 0 and (chunk := source.read(min(CHUNK_BYTES, size))):
            size -= len(chunk)
            yield chunk


def entry_names(files: list[Path], paths: UserPaths | None) -> list[tuple[str, Path]]:
    """Names of the ZIP's entries: of the files alone, made unique by a suffix, or with `paths` below /user."""
    named: list[tuple[str, Path]] = []
    taken: set[str] = set()
    for file in files:
        name = file.name if paths is None else paths.name(file).removeprefix("/user/")
        stem, suffix, number = name.removesuffix(file.suffix), file.suffix, 0
        while name in taken:
            number += 1
            name = f"{stem}_{number}{suffix}"
        taken.add(name)
        named.append((name, file))
    return named


class _Sink(io.RawIOBase):
    """What zipfile writes to: it holds what nobody has taken yet, and cannot seek, so the ZIP is a stream."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._written.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._written)
        self._written.clear()
        return data


def _zip(names: list[tuple[str, Path]], is_hostile: bool) -> Iterator[bytes]:
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, file in names:
            entry = zipfile.ZipInfo.from_file(file, name, strict_timestamps=False)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as target:
                for chunk in _content(file, entry.file_size):
                    target.write(chunk)
                    yield sink.take()
        if is_hostile:
            for name in HOSTILE_NAMES:
                archive.writestr(zipfile.ZipInfo(name), "This file has left its folder.")
            link = zipfile.ZipInfo("link-to-etc")
            link.create_system = 3
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, "/etc")
    yield sink.take()


def _sources(body: bytes) -> list[str] | None:
    try:
        fields = json.loads(body)
    except ValueError:
        return None
    sources = fields.get("sources") if isinstance(fields, dict) else None
    if not isinstance(sources, list) or not sources or not all(isinstance(item, str) for item in sources):
        return None
    return sources


routes = [Route(USER_PREFIX + "external/file/download", download, methods=["POST"])]
