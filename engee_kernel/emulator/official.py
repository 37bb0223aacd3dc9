"""The official Julia build. The library juliapkg knows which file fits this machine and how to unpack it.

Of the libraries that can do this, juliapkg is the one kept up by the Julia community (PythonCall uses it). It works on
Linux, macOS and Windows, and leaves PATH and the home folder alone; jill pins an old httpx and writes links into the
home folder. Its own download starts again from zero after a cut, so the download here is ours, with the same checksum.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import queue
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from rich.progress import Progress

from .failures import InstallError

_T = TypeVar("_T")

REACH_LIMIT_S = 4
LIST_LIMIT_S = 60
STALL_LIMIT_S = 20
ATTEMPTS = 4
CHUNK_BYTES = 1 << 18


def unpack_official(folder: Path, downloads: Path, progress: Progress) -> Path:
    """Raises InstallError."""
    with _quiet_juliapkg():
        from juliapkg import install_julia as library  # noqa: PLC0415 - it reads the environment when imported

        _bounded(lambda: _touch(library._julia_versions_url), REACH_LIMIT_S, "its server cannot be reached")
        pick: Callable[[], tuple[str, Any]] = library.best_julia_version
        version, found = _bounded(pick, LIST_LIMIT_S, "the list of versions did not arrive")
        for file in found["files"]:
            suffix = next((ext for ext in library.julia_installers if file["url"].endswith(ext)), None)
            if suffix is not None:
                break
        else:
            raise InstallError(f"Julia {version} has no file that can be unpacked here")
        archive = downloads / file["url"].rsplit("/", 1)[-1]
        fetch(file["url"], archive, size=file["size"], sha256=file["sha256"], progress=progress)
        with archive.open("rb") as source:
            unpack: Callable[[Any, Any, str], None] = library.julia_installers[suffix]
            unpack(file, source, str(folder / "julia"))
    for name in ("julia", "julia.exe"):
        executable = folder / "julia" / "bin" / name
        if executable.is_file():
            return executable
    raise InstallError(f"the file of Julia {version} holds no bin/julia")


def fetch(url: str, path: Path, *, size: int, sha256: str, progress: Progress) -> None:
    """Download a file, going on where an earlier try was cut off. Raises InstallError."""
    part = path.with_name(path.name + ".part")
    task = progress.add_task(path.name, total=size)
    reason = ""
    for _ in range(ATTEMPTS):
        have = part.stat().st_size if part.exists() else 0
        progress.update(task, completed=have)
        try:
            if have < size:
                _go_on(url, part, have, lambda done: progress.update(task, completed=done))
        except (OSError, urllib.error.URLError, TimeoutError) as error:
            reason = str(error)
            continue
        if part.stat().st_size < size:
            reason = "the connection ended early"
            continue
        if _digest(part) != sha256:
            part.unlink()
            raise InstallError("the downloaded file does not have the published checksum; it was thrown away")
        part.replace(path)
        return
    raise InstallError(f"the download was cut off ({reason}); the next try goes on from there")


def _go_on(url: str, part: Path, have: int, report: Callable[[int], None]) -> None:
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310
    with urllib.request.urlopen(request, timeout=STALL_LIMIT_S) as reply:  # noqa: S310 - from Julia's own list
        is_rest = reply.status == 206
        with part.open("ab" if is_rest else "wb") as target:
            done = have if is_rest else 0
            while chunk := reply.read(CHUNK_BYTES):
                target.write(chunk)
                done += len(chunk)
                report(done)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while chunk := source.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _touch(url: str) -> None:
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - Julia's own list
    with urllib.request.urlopen(request, timeout=REACH_LIMIT_S):  # noqa: S310
        pass


def _bounded(call: Callable[[], _T], limit_s: float, otherwise: str) -> _T:
    """Name resolution has no time limit of its own: give up on the call, not on the program."""
    outcome: queue.Queue[tuple[bool, Any]] = queue.Queue()

    def run() -> None:
        try:
            outcome.put((True, call()))
        except Exception as error:
            outcome.put((False, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        is_result, value = outcome.get(timeout=limit_s)
    except queue.Empty:
        raise InstallError(f"{otherwise} (no answer in {limit_s} s)") from None
    if not is_result:
        raise InstallError(f"{otherwise} ({value})") from value
    result: _T = value
    return result


@contextlib.contextmanager
def _quiet_juliapkg() -> Iterator[None]:
    """It prints as it goes, and waits for its server for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_LIMIT_S)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        socket.setdefaulttimeout(before)
