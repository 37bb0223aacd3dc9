"""Names of files on both sides, and what may be done with them. No I/O.

Remote paths are POSIX paths below /user, whatever system this is; a relative one belongs to the remote
folder of `%cd`. Names are compared in Unicode's composed form (macOS writes “й” as two characters) and
kept as they are.
"""

from __future__ import annotations

import os
import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePath
from types import ModuleType
from typing import TypeVar

from ..facts.errors import ForbiddenPathError, UsageError

T = TypeVar("T")

ROOT = "/user"
STAGING_ROOT = "/user/.engee_kernel"
STAGING_NAME = "engee-kernel-"
"""The agent removes a staging folder only if its name says whose it is."""

_MAGIC = re.compile(r"[*?\[{]")
_WINDOWS_FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]')
_WINDOWS_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])( *\.|:|$)")


def remote_path(text: str, folder: str = ROOT) -> str:
    """The absolute path that a person means by `text`. Raises ForbiddenPathError, UsageError."""
    if not text or "\0" in text:
        raise UsageError("A remote path is empty.", "Expected, for example: data/signal.csv or /user/data/signal.csv")
    if text == "~" or text.startswith("~/"):
        text = ROOT + text[1:]
    path = posixpath.normpath(posixpath.join(folder, text))
    if not is_below(path, ROOT):
        raise ForbiddenPathError(
            f"“{text}” is not below /user.", "Engee's files can be read and written below /user only."
        )
    return path


def is_below(path: str, folder: str) -> bool:
    """Whether a normalised path is `folder` or in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def below(path: str, folder: str) -> str:
    """The part of `path` below `folder`."""
    return path[len(folder.rstrip("/")) + 1 :]


def composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def is_pattern(text: str) -> bool:
    return _MAGIC.search(text) is not None


def is_local_pattern(text: str, flavour: ModuleType = os.path) -> bool:
    """As `is_pattern`; the ? of “\\\\?\\C:” is none."""
    return is_pattern(flavour.splitdrive(text)[1])


def glob_base(pattern: str, flavour: ModuleType = os.path) -> str:
    """The folder before a local pattern's first * ? [. `flavour`: the module for this system's paths."""
    drive, head = flavour.splitdrive(pattern)
    while is_pattern(head) and flavour.dirname(head) != head:
        head = flavour.dirname(head)
    return str(drive + head)


def first_existing(path: PurePath, exists: Callable[[str], bool]) -> str | None:
    """The folder nearest to `path` that exists; None where not even its drive or share does."""
    return next((str(place) for place in (path, *path.parents) if exists(str(place))), None)


def quoted(word: str) -> str:
    """A word of a magic line, in quotation marks where it needs them."""
    if word and not set(word) & set(" \t\"'"):
        return word
    mark = "'" if '"' in word else '"'
    return f"{mark}{word}{mark}"


def split_pattern(path: str) -> tuple[str, list[str]]:
    """An absolute pattern as the folder before its first * ? [ and the segments from there on."""
    segments = path.split("/")
    first = next(number for number, segment in enumerate(segments) if is_pattern(segment))
    return "/".join(segments[:first]) or "/", segments[first:]


def expand_braces(pattern: str) -> list[str]:
    """`a{b,c}` as `ab` and `ac`; what is not closed stays as it is."""
    match = re.search(r"\{([^{}]*,[^{}]*)\}", pattern)
    if match is None:
        return [pattern]
    before, after = pattern[: match.start()], pattern[match.end() :]
    # innermost braces come first, so an outer alternative is met once for each inner one
    wholes = [whole for middle in match[1].split(",") for whole in expand_braces(before + middle + after)]
    return list(dict.fromkeys(wholes))


def matches(name: str, pattern: str) -> bool:
    """As a shell does: case matters, and a leading dot must be written out."""
    if name.startswith(".") and not pattern.startswith("."):
        return False
    return fnmatchcase(composed(name), composed(pattern))


def is_hidden(relative: str) -> bool:
    """Whether a part of the path begins with a dot."""
    return any(part.startswith(".") for part in relative.split("/"))


def local_parts(relative: str, *, windows: bool) -> tuple[str, ...]:
    """The parts of a remote relative path as they may be used for a local one.

    Raises ForbiddenPathError for a part that leads elsewhere or that this system can't have.
    """
    parts = tuple(relative.split("/"))
    for part in parts:
        problem = name_problem(part, windows=windows)
        if problem:
            raise ForbiddenPathError(
                f"“{relative}” can't be a file's name here: {problem}.", "Rename it in Engee first: %mv OLD NEW"
            )
    return parts


def name_problem(name: str, *, windows: bool) -> str:
    """Why a single name can't be one here; "" for a good one."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        return "it leads out of its folder"
    if windows:
        if bad := _WINDOWS_FORBIDDEN.search(name):
            return f"Windows has no “{bad[0]}” in names"
        if _WINDOWS_DEVICE.match(name):
            return "Windows keeps this name for a device"
        if name[-1] in " .":
            return "a name on Windows does not end with a space or a dot"
    return ""


def leads_out(entry: str) -> bool:
    """Whether a ZIP entry's name points out of the folder it is unpacked to, on whichever system."""
    slashed = entry.replace("\\", "/")
    return slashed.startswith("/") or ".." in slashed.split("/") or re.match(r"[A-Za-z]:", slashed) is not None


def upper_case(name: str) -> str:
    """As Windows compares names: letter by letter, so that “ß” and “SS” are two."""
    return "".join(upper if len(upper := letter.upper()) == 1 else letter for letter in name)


def clashes(targets: Iterable[str], *, fold: Callable[[str], str] | None = None) -> list[str]:
    """Targets that occur a second time, so that one would replace the other. `fold`: what is the same file here."""
    seen: set[str] = set()
    twice: list[str] = []
    for target in targets:
        key = fold(composed(target)) if fold is not None else target
        if key in seen:
            twice.append(target)
        seen.add(key)
    return twice


def batches(
    items: Sequence[T],
    size_of: Callable[[T], int],
    *,
    limit_bytes: int,
    limit_count: int,
    key: Callable[[T], str] | None = None,
) -> Iterator[list[T]]:
    """`items` in groups that go into one request each; a larger item is alone in its own.

    `key`: no two items of a group have the same.
    """
    batch: list[T] = []
    keys: set[str] = set()
    size = 0
    for item in items:
        name = key(item) if key is not None else ""
        full = len(batch) == limit_count or size + size_of(item) > limit_bytes
        if batch and (full or (key is not None and name in keys)):
            yield batch
            batch, keys, size = [], set(), 0
        batch.append(item)
        keys.add(name)
        size += size_of(item)
    if batch:
        yield batch


def some(names: Sequence[str], limit: int = 5) -> str:
    """The first few of many names, for a sentence."""
    shown = ", ".join(f"“{name}”" for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
