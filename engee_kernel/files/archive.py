"""The ZIP in which Engee sends several files: its entries matched to what was asked for, and read with bounds.

An entry's name is only ever compared, never used as a path here: so no ZIP can write outside its target.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from ..facts.errors import TransferError
from .paths import composed, leads_out
from .transfer import ChecksumError

READ_BYTES = 1 << 20


class ForeignEntryError(TransferError):
    """The ZIP has an entry that nobody asked for and whose name or kind is made to do harm."""


class UnmatchedError(TransferError):
    """Which entry is which file can't be told: the files have to be fetched one by one."""


def match_entries(archive: zipfile.ZipFile, sources: Sequence[str]) -> list[zipfile.ZipInfo]:
    """The entry of each source, an absolute remote path; no two sources have the same last name.

    What the server calls its entries is not known: the bare name or more of the path.
    Raises ForeignEntryError, UnmatchedError.
    """
    wanted = {composed(source).rpartition("/")[2]: source for source in sources}
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        source = _source_of(entry, wanted)
        if source is not None and source not in found and not _is_link(entry):
            found[source] = entry
        elif leads_out(entry.filename) or _is_link(entry):
            raise ForeignEntryError(
                f"The ZIP from the server has an entry that leads out of its folder: “{entry.filename[:100]}”.",
                "Nothing of it was written. Tell whoever runs the server.",
            )
        elif not entry.is_dir():
            raise UnmatchedError(f"The ZIP from the server has an entry nobody asked for: “{entry.filename[:100]}”.")
    missing = [source for source in sources if source not in found]
    if missing:
        raise UnmatchedError(f"The ZIP from the server lacks {missing[0]}.")
    return [found[source] for source in sources]


def _source_of(entry: zipfile.ZipInfo, wanted: dict[str, str]) -> str | None:
    for name in _readings(entry):
        parts = [part for part in composed(name).replace("\\", "/").split("/") if part not in ("", ".")]
        source = wanted.get(parts[-1]) if parts else None
        if source is not None and composed(source).split("/")[-len(parts) :] == parts:
            return source
    return None


def _readings(entry: zipfile.ZipInfo) -> list[str]:
    """The name as zipfile reads it, and as the UTF-8 it may be without saying so."""
    names = [entry.filename]
    try:
        names.append(entry.filename.encode("cp437").decode("utf-8"))
    except UnicodeError:
        pass
    return names


def _is_link(entry: zipfile.ZipInfo) -> bool:
    return (entry.external_attr >> 16) & 0o170000 == 0o120000


def open_archive(path: Path) -> zipfile.ZipFile:
    """Raises TransferError for what is not a whole ZIP."""
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise TransferError(f"What the server sent is not a whole ZIP: {error}.", "Try again.") from error


def copy_entry(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, write: Callable[[bytes], object], limit_bytes: int
) -> None:
    """Give an entry's bytes to `write`. Raises TransferError for more than `limit_bytes`, or a broken entry."""
    left = limit_bytes
    try:
        with archive.open(entry) as content:
            while piece := content.read(READ_BYTES):
                left -= len(piece)
                if left < 0:
                    raise ChecksumError(
                        f"“{entry.filename}” in the server's ZIP has more than the {limit_bytes} bytes it should have.",
                        "The file may be growing: try again when nothing writes to it.",
                    )
                write(piece)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise TransferError(f"“{entry.filename}” in the server's ZIP can't be read: {error}.", "Try again.") from error
