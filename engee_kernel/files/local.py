"""What a person means by the local words of %upload: files, folders, globs; and where each goes."""

from __future__ import annotations

import glob
import os
import posixpath
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..facts.errors import UsageError
from .paths import ROOT, clashes, composed, glob_base, is_local_pattern, remote_path, some
from .source import size_of
from .transfer import local_error

_PLACES = "Relative paths on this computer begin at"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A local file, and the remote path it goes to. `is_unsized`: its file system gave another size than it has."""

    local: Path
    target: str
    size_bytes: int
    is_unsized: bool = False


@dataclass
class UploadPlan:
    """`folder`: the remote folder; `folders`: empty ones to be made below it; `skipped`: why, one line each."""

    folder: str
    files: list[Outgoing] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def split_words(words: Sequence[str], to: str | None, *, recursive: bool) -> tuple[list[str], str | None]:
    """The sources and the remote folder among the words of %upload; None where none is named.

    The last of several words is the folder if it begins with /user or ends with /, or if it can't be a
    source because nothing here has that name. Raises UsageError where it may be either.
    """
    *first, last = words
    if to is not None or not first:
        return list(words), to
    if last == ROOT or last.startswith(f"{ROOT}/"):
        return first, last
    here = find_local(last)
    if last.endswith("/") and not (here is not None and recursive):
        return first, last
    if here is not None and here.is_dir():
        if recursive:
            raise UsageError(
                f"“{last}” is a folder here, but may be meant as the remote one.",
                f"Write --to {last} or /user/{last.rstrip('/')} for the remote folder, "
                "or put --to REMOTE_DIR at the end.",
            )
        return first, last
    if here is not None or is_local_pattern(last):
        return list(words), None
    if posixpath.splitext(last)[1] and "/" not in last:
        raise UsageError(
            f"“{last}” is not a file here.",
            f"{_PLACES} {Path.cwd()}. If the remote folder is meant: --to {last}, or {last}/",
        )
    return first, last


def plan_upload(
    sources: Sequence[str], folder: str = ROOT, *, recursive: bool = False, flatten: bool = False
) -> UploadPlan:
    """Where each file of the sources goes below the remote folder (absolute, or relative to /user).

    Raises UsageError for what can't be uploaded, before anything is sent.
    """
    plan = UploadPlan(remote_path(folder))
    for source in sources:
        found = find_local(source)
        if found is not None:
            name = found.name if found.name not in ("", "..") else found.resolve().name
            _add(plan, found, name, recursive, flatten, explicit=True)
            continue
        hits = list(_glob(source))
        if not hits:
            what = "Nothing here matches" if is_local_pattern(source) else "This computer has no file or folder"
            raise UsageError(f"{what} “{source}”.", f"{_PLACES} {Path.cwd()}")
        for path, relative in hits:
            _add(plan, path, relative, recursive, flatten, explicit=False)
    twice = clashes(file.target for file in plan.files)
    if twice:
        raise UsageError(f"Several files would get the same remote name: {some(twice)}.", "Upload them one by one.")
    if not plan.files and not plan.folders:
        raise UsageError("There is nothing to upload.", "\n".join(plan.skipped))
    return plan


def _add(plan: UploadPlan, path: Path, relative: str, recursive: bool, flatten: bool, *, explicit: bool) -> None:
    try:
        if path.is_dir():
            if recursive:
                _add_folder(plan, path, relative, flatten)
            elif explicit:
                raise UsageError(f"“{path}” is a folder.", "Add -r to upload it with all that is in it.")
            else:
                plan.skipped.append(f"{path} is a folder: add -r to upload it too.")
            return
        _add_file(plan, path, relative, flatten, explicit)
    except OSError as error:
        raise local_error(error, path, "Reading") from error


def _add_file(plan: UploadPlan, path: Path, relative: str, flatten: bool, explicit: bool) -> None:
    if not path.exists():
        plan.skipped.append(f"{path} is a link to nothing.")
        return
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        if explicit:
            raise UsageError(f"“{path}” is not a regular file.", "Pipes and devices can't be uploaded.")
        plan.skipped.append(f"{path} is not a regular file.")
        return
    name = path.name if flatten else relative
    try:
        name.encode()
    except UnicodeEncodeError as error:
        if explicit:
            raise UsageError(f"The name of {shown(path)} is not proper Unicode.", "Rename the file.") from error
        plan.skipped.append(f"The name of {shown(path)} is not proper Unicode: rename it.")
        return
    try:
        size_bytes, is_unsized = size_of(path, status.st_size)
    except OSError as error:
        raise local_error(error, path, "Reading") from error
    plan.files.append(Outgoing(path, f"{plan.folder}/{name}", size_bytes, is_unsized))


def _add_folder(plan: UploadPlan, top: Path, relative: str, flatten: bool) -> None:
    def fail(error: OSError) -> None:
        raise error

    # links to folders are not followed: they may lead in circles
    for place, folders, names in os.walk(top, onerror=fail):
        here = Path(place)
        below = relative if here == top else posixpath.join(relative, here.relative_to(top).as_posix())
        folders.sort()
        for name in list(folders):
            if is_folder_link(here / name):
                plan.skipped.append(f"{shown(here / name)} is a link to a folder.")
                folders.remove(name)
        for name in sorted(names):
            _add_file(plan, here / name, f"{below}/{name}", flatten, explicit=False)
        if not folders and not names and not flatten:
            if shown(here) == str(here):
                plan.folders.append(f"{plan.folder}/{below}")
            else:
                plan.skipped.append(f"The name of {shown(here)} is not proper Unicode: rename it.")


def _glob(pattern: str) -> Iterator[tuple[Path, str]]:
    """Matches, and each one's path below the folder before the first glob character."""
    pattern = os.path.expanduser(pattern)  # noqa: PTH111 - a pattern is no path
    found: set[str] = set()
    for form in ("NFC", "NFD"):  # macOS may have stored either
        found.update(glob.glob(unicodedata.normalize(form, pattern), recursive=True))  # noqa: PTH207 - as typed
    base = Path(glob_base(pattern))
    for name in sorted(found):
        path = Path(name)
        relative = path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name
        if "**" in pattern and any(is_folder_link(above) for above in _between(path, base)):
            continue  # it may lead in circles, as with -r
        if relative != ".":
            yield path, path.name if ".." in relative.split("/") else relative


def _between(path: Path, base: Path) -> list[Path]:
    """The folders of a match below the folder before the first glob character."""
    return [above for above in path.parents if above != base and above.is_relative_to(base)]


def is_folder_link(path: Path) -> bool:
    """Whether it is a folder somewhere else: a symbolic link, or a junction of Windows."""
    if path.is_symlink():
        return path.is_dir()
    try:
        tag = getattr(path.lstat(), "st_reparse_tag", 0)
    except OSError:
        return False
    return bool(tag) and tag == getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", None)


def shown(path: Path) -> str:
    """As it can be printed: bytes of a name that are no Unicode as escapes."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def expanded(text: str) -> Path:
    """With ~ replaced; Path.expanduser would raise for an unknown user."""
    return Path(os.path.expanduser(text))  # noqa: PTH111


def find_local(text: str) -> Path | None:
    """The file or folder that a person means, whichever Unicode form its name has; None for none."""
    path = expanded(text)
    if "\0" in text:
        return None
    if os.path.lexists(path):
        return path
    here = Path(path.anchor) if path.anchor else Path()
    for part in path.relative_to(path.anchor).parts:
        if os.path.lexists(here / part):
            here /= part
            continue
        try:
            same = [name for name in os.listdir(here) if composed(name) == composed(part)]  # noqa: PTH208
        except OSError:
            return None
        if not same:
            return None
        here /= same[0]
    return here
