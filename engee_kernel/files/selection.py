"""What a person means by the remote words of %download: files, folders, globs; and where each goes."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..agent import literal
from ..facts.errors import ForbiddenPathError, UsageError
from .local import expanded, find_local
from .paths import (
    ROOT,
    below,
    clashes,
    composed,
    expand_braces,
    is_hidden,
    is_pattern,
    local_parts,
    matches,
    remote_path,
    some,
    split_pattern,
    upper_case,
)
from .remote import DIRECTORY, FILE, LINK_OUT, MISSING, Entry, RemoteFileError, RemoteFiles

WINDOWS = sys.platform == "win32"
FOLD = upper_case if WINDOWS else str.casefold if sys.platform == "darwin" else None
"""Names for which it gives the same are the same file here."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A remote file, and the local path it goes to; `size_bytes` None: not known (plain mode)."""

    remote: str
    local: Path
    size_bytes: int | None


@dataclass
class DownloadPlan:
    """`folders`: empty ones to be made; `skipped`: why, one line each."""

    files: list[Incoming] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Hit:
    """Something remote that was meant, and its path below what was named. `explicit`: by its own name."""

    entry: Entry
    relative: str
    explicit: bool


async def select(remote: RemoteFiles, word: str, folder: str = ROOT) -> list[Hit]:
    """What a remote word means. Raises UsageError where it means nothing."""
    path = remote_path(word, folder)
    found = await find_remote(remote, path)
    if found is not None:
        return [Hit(found, found.name if path != ROOT else "user", True)]
    hits: dict[str, Hit] = {}
    if is_pattern(path):
        for pattern in expand_braces(path):
            for entry, relative in await _matches(remote, pattern):
                hits.setdefault(entry.path, Hit(entry, relative, False))
    if not hits:
        what = "Nothing in Engee matches" if is_pattern(path) else "Engee has no file or folder"
        raise UsageError(f"{what} {path}.", f"Look with: %ls {_parent(path)}")
    return sorted(hits.values(), key=lambda hit: hit.entry.path)


def check_names(hits: Sequence[Hit]) -> None:
    """Raises UsageError for a hit whose name can't be sent to Engee."""
    for hit in hits:
        if hit.entry.escaped:
            raise UsageError(not_utf8(hit.entry), "Nothing was done.")


def not_utf8(entry: Entry) -> str:
    """What to do about a name that only Julia can say."""
    fitting = "".join(sign if sign.isprintable() and sign != "\ufffd" else "_" for sign in entry.path)
    return (
        f"“{entry.escaped}” has a name that is not UTF-8, which Engee's API can't say. "
        f'Rename it in a cell: mv("{entry.escaped}", {literal(fitting)})'
    )


async def find_remote(remote: RemoteFiles, path: str) -> Entry | None:
    """What is at a path, whichever Unicode form its last name has."""
    entry = await remote.stat(path)
    if entry is not None or path.isascii():
        return entry
    try:
        entries, _ = await remote.entries(_parent(path))
    except RemoteFileError:
        return None
    name = composed(path.rpartition("/")[2])
    return next((entry for entry in entries if composed(entry.name) == name), None)


async def _matches(remote: RemoteFiles, pattern: str) -> list[tuple[Entry, str]]:
    """Entries that match an absolute pattern, each with its path below the folder before the first * ? [."""
    if not is_pattern(pattern):
        entry = await find_remote(remote, pattern)
        return [] if entry is None else [(entry, entry.name)]
    base, segments = split_pattern(pattern)
    folders, found = [base], []
    for number, segment in enumerate(segments):
        is_last = number == len(segments) - 1
        if segment == "**":
            rest = "/".join(segments[number:]) if not is_last else "**/*"
            for folder in folders:
                entries, more = await remote.find(folder, rest)
                if more:
                    raise UsageError(f"{pattern} matches too many files.", "Name fewer at a time.")
                found += [entry for entry in entries if not is_hidden(below(entry.path, folder))]
            break
        here = [entry for folder in folders for entry in await _listing(remote, folder, pattern)]
        here = [entry for entry in here if matches(entry.name, segment)]
        if is_last:
            found = here
        folders = [entry.path for entry in here if entry.kind == DIRECTORY]
    return [(entry, below(entry.path, base)) for entry in found]


async def _listing(remote: RemoteFiles, folder: str, pattern: str) -> list[Entry]:
    try:
        entries, more = await remote.entries(folder)
    except RemoteFileError as error:
        if error.reason != MISSING:
            raise
        return []
    if more:
        raise UsageError(f"{folder} has too many files for the pattern {pattern}.", "Name the files, or use -r.")
    return entries


async def split_words(
    remote: RemoteFiles, words: Sequence[str], to: str | None, folder: str, *, recursive: bool
) -> tuple[list[str], str | None]:
    """The sources and the local target among the words of %download; None where none is named.

    The last of several words is the target if it looks like a local path, or if it can't be a source
    because Engee has nothing of that name. Raises UsageError where it may be either.
    """
    *first, last = words
    if to is not None or not first:
        return list(words), to
    if last == ROOT or last.startswith(f"{ROOT}/"):
        return list(words), None
    if last in (".", "..") or last.startswith(("./", "../", "~", "/", ".\\", "..\\")) or Path(last).is_absolute():
        return first, last
    there = await find_remote(remote, remote_path(last, folder)) if remote.has_agent else None
    here = await asyncio.to_thread(find_local, last)
    if there is None or (there.kind == DIRECTORY and not recursive):
        return (list(words), None) if there is None and is_pattern(last) and here is None else (first, last)
    if here is not None and await asyncio.to_thread(here.is_dir):
        raise UsageError(
            f"“{last}” is in Engee and here: it may be a source or the target.",
            f"Write ./{last} or --to {last} for the target here, {there.path} for the remote one.",
        )
    return list(words), None


async def plan_download(
    remote: RemoteFiles,
    sources: Sequence[str],
    local: str | None = None,
    folder: str = ROOT,
    *,
    recursive: bool = False,
) -> DownloadPlan:
    """Where each file of the sources goes below the local folder, the current one unless named.

    A single file goes to `local` itself where that is no folder and does not end with a slash.
    Raises UsageError, ForbiddenPathError for names that can't be used here.
    """
    plan = DownloadPlan()
    place, is_file_name = await asyncio.to_thread(_place, local)
    if not remote.has_agent:
        await _plan_plainly(remote, plan, sources, place, is_file_name, folder, recursive)
    else:
        hits = [hit for source in sources for hit in await select(remote, source, folder)]
        alone = len(hits) == 1 and hits[0].explicit and hits[0].entry.kind == FILE
        for hit in hits:
            if alone and is_file_name:
                plan.files.append(Incoming(hit.entry.path, place, hit.entry.size_bytes))
            else:
                await _add(remote, plan, hit, place, recursive)
    targets = [str(file.local) for file in plan.files]
    if twice := clashes(targets, fold=FOLD):
        raise UsageError(f"Several files would get the same name here: {some(twice)}.", "Download them one by one.")
    if not plan.files and not plan.folders:
        raise UsageError("There is nothing to download.", "\n".join(plan.skipped))
    return plan


async def _plan_plainly(
    remote: RemoteFiles,
    plan: DownloadPlan,
    sources: Sequence[str],
    place: Path,
    is_file_name: bool,
    folder: str,
    recursive: bool,
) -> None:
    paths = [remote_path(source, folder) for source in sources]
    if recursive or any(is_pattern(path) for path in paths):
        raise UsageError(
            "Folders and patterns need the agent, and this is plain mode.",
            "Name the files one by one, or switch the agent on: %config mode = agent",
        )
    for path in paths:
        name = path.rpartition("/")[2]
        whole = len(paths) == 1 and is_file_name
        target = place if whole else place.joinpath(*local_parts(name, windows=WINDOWS))
        plan.files.append(Incoming(path, target, await remote.size_of(path)))


def _place(local: str | None) -> tuple[Path, bool]:
    """What the local word means, and whether it may be a file's name. The work of a thread."""
    if not local:
        return Path(), False
    place = find_local(local) or expanded(local)
    return place, not local.endswith(("/", os.sep)) and not place.is_dir()


async def _add(remote: RemoteFiles, plan: DownloadPlan, hit: Hit, place: Path, recursive: bool) -> None:
    entry = hit.entry
    if entry.escaped:
        plan.skipped.append(not_utf8(entry))
    elif entry.kind == FILE:
        if hit.explicit:
            plan.files.append(_incoming(entry, place, hit.relative))
        else:
            _add_file(plan, entry, place, hit.relative)
    elif entry.kind != DIRECTORY:
        if hit.explicit and entry.kind == LINK_OUT:
            raise ForbiddenPathError(f"{entry.path} is a link out of /user, which is not followed.")
        if hit.explicit:
            raise UsageError(f"{entry.path} is no regular file ({entry.kind}).", "Only files can be downloaded.")
        plan.skipped.append(f"{entry.path} is no regular file ({entry.kind}).")
    elif recursive:
        await _add_tree(remote, plan, hit, place)
    elif hit.explicit:
        raise UsageError(f"{entry.path} is a folder.", "Add -r to download it with all that is in it.")
    else:
        plan.skipped.append(f"{entry.path} is a folder: add -r to download it too.")


async def _add_tree(remote: RemoteFiles, plan: DownloadPlan, hit: Hit, place: Path) -> None:
    entry = hit.entry
    inside = await _tree(remote, entry.path)
    occupied = {_parent(item.path) for item in inside}
    unsaid: list[str] = []
    for item in inside:
        relative = f"{hit.relative}/{below(item.path, entry.path)}"
        if item.escaped:
            # what is in such a folder is named with it
            if not any(item.escaped.startswith(f"{above}/") for above in unsaid):
                plan.skipped.append(not_utf8(item))
                unsaid.append(item.escaped)
        elif item.kind == FILE:
            _add_file(plan, item, place, relative)
        elif item.kind != DIRECTORY or item.is_link:
            plan.skipped.append(f"{item.path} is a link to a folder, or no regular file.")
        elif item.path not in occupied:
            try:
                plan.folders.append(_local(place, relative))
            except ForbiddenPathError as error:
                plan.skipped.append(f"{error.message} {error.hint}")
    if not inside:
        plan.folders.append(_local(place, hit.relative))


async def _tree(remote: RemoteFiles, folder: str) -> list[Entry]:
    """All that is below a folder, in order; links to folders are not followed."""
    inside, more = await remote.find(folder, "**")
    if more:
        inside, ahead = [], [folder]
        while ahead:
            entries, more = await remote.entries(ahead.pop())
            if more:
                raise UsageError(f"A folder below {folder} has too many files to list.", "Download it in parts.")
            inside += entries
            ahead += [
                entry.path for entry in entries if entry.kind == DIRECTORY and not (entry.is_link or entry.escaped)
            ]
    return sorted(inside, key=lambda entry: entry.path)


def _add_file(plan: DownloadPlan, entry: Entry, place: Path, relative: str) -> None:
    """One of many: a name that this system can't have does not keep the others from coming."""
    try:
        plan.files.append(_incoming(entry, place, relative))
    except ForbiddenPathError as error:
        plan.skipped.append(f"{error.message} {error.hint}")


def _incoming(entry: Entry, place: Path, relative: str) -> Incoming:
    return Incoming(entry.path, _local(place, relative), entry.size_bytes)


def _local(place: Path, relative: str) -> Path:
    return place.joinpath(*local_parts(relative, windows=WINDOWS))


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"
