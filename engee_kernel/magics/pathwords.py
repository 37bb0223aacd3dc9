"""Completion of file names on magic lines, local and remote, quoted where they need it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from ..facts.errors import EngeeError
from ..files.local import expanded
from ..files.paths import ROOT, composed, remote_path
from ..files.selection import FOLD
from ..household.services import Services

LIMIT = 500
_NEEDS_QUOTES = set(" \t\"'")


def local_completions(word: str) -> list[str]:
    mark, typed = _unquoted(word)
    folder, name = _split(typed, os.sep if os.name == "nt" else "/")
    place = expanded(folder) if folder else Path()
    try:
        with os.scandir(place) as entries:
            names = [(entry.name, entry.is_dir()) for entry in entries]
    except OSError:
        return []  # a folder that is not there completes to nothing
    return _completions(mark, folder, name, names, FOLD or str)


async def remote_completions(kernel: Services, word: str, *, folders_only: bool = False) -> list[str]:
    """Asks the agent only where one is installed: typing never starts a server."""
    mark, typed = _unquoted(word)
    folder, name = _split(typed, "/")
    try:
        path = remote_path(folder or ".", kernel.remote_folder)
        answer = await kernel.engee().ask("files_list", path)
    except EngeeError:
        return []  # no token yet, or a path that can't be: an error while typing helps nobody
    entries = (answer or {}).get("entries") or ()
    if (answer or {}).get("path") is None:
        return []
    # a name that is not UTF-8 can't be typed
    names = [(str(entry["name"]), entry["type"] == "directory") for entry in entries if not entry.get("escaped")]
    matches = _completions(mark, folder, name, [item for item in names if item[1] or not folders_only])
    if typed and ROOT.startswith(typed) and typed != ROOT:
        matches.append(f"{mark}{ROOT}/")
    return matches


def _completions(
    mark: str, folder: str, name: str, names: Iterable[tuple[str, bool]], fold: Callable[[str], str] = str
) -> list[str]:
    """`fold`: names for which it gives the same are the same there."""
    begun = fold(composed(name))
    found = sorted(
        (there, is_folder)
        for there, is_folder in names
        if fold(composed(there)).startswith(begun) and (not there.startswith(".") or begun.startswith("."))
    )
    return [_quoted(mark, folder + there + ("/" if is_folder else ""), is_folder) for there, is_folder in found[:LIMIT]]


def _quoted(mark: str, text: str, is_folder: bool) -> str:
    if not mark and not _NEEDS_QUOTES & set(text):
        return text
    mark = mark or ("'" if '"' in text else '"')
    # a folder's quotation stays open, so that the next Tab goes on in it
    return f"{mark}{text}" if is_folder else f"{mark}{text}{mark}"


def _unquoted(word: str) -> tuple[str, str]:
    return (word[0], word[1:]) if word[:1] in ("'", '"') else ("", word)


def _split(typed: str, separator: str) -> tuple[str, str]:
    cut = max(typed.rfind("/"), typed.rfind(separator)) + 1
    return typed[:cut], typed[cut:]
