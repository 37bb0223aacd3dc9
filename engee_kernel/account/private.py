"""Files and folders that only their owner reads, and why one is not fit to be used.

On Windows the folder of the person's profile keeps others out: there nothing is checked.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

FOLDER_VARIABLE = "ENGEE_DATA_FOLDER"


class NotPrivateError(OSError):
    """A folder in which others could put their own files."""


def make_folder(folder: Path) -> None:
    """Make it, for its owner alone; where others may write into ours, they may no longer.

    Raises OSError, NotPrivateError for a folder of somebody else's in which everybody writes.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform == "win32":
        return
    status = folder.stat()
    mode = stat.S_IMODE(status.st_mode)
    if not mode & 0o022:
        return
    if status.st_uid == os.getuid():
        # the person's home may have to be read by others
        folder.chmod(mode & ~0o022 if folder.resolve() == Path.home().resolve() else 0o700)
    elif mode & 0o002 or os.access(folder, os.W_OK):
        raise NotPrivateError(
            f"other users can write into its folder {folder}, which belongs to {owner(status.st_uid)}: "
            f"name a folder of your own in {FOLDER_VARIABLE}"
        )


def trouble_of(path: Path, status: os.stat_result) -> str:
    """Why a file is not read, and what to do; "" for a file that is its owner's alone."""
    if sys.platform == "win32":
        return ""
    if status.st_uid != os.getuid():
        return (
            f"it belongs to {owner(status.st_uid)}, and you are {owner(os.getuid())}. "
            f"Name a folder of your own in {FOLDER_VARIABLE}, or let an administrator give it to you: "
            f"chown {owner(os.getuid())} “{path}”"
        )
    if stat.S_IMODE(status.st_mode) & 0o077:
        return f"it can be read by other users. Mend it with: chmod 600 “{path}”"
    return ""


def is_foreign(path: Path) -> bool:
    """Whether it is somebody else's, whom it must not be taken from."""
    return sys.platform != "win32" and path.stat().st_uid != os.getuid()


def reason_of(error: Exception, path: Path) -> str:
    """The system's own word, and for a refusal whose the file or its folder is."""
    if isinstance(error, NotPrivateError):
        return str(error)
    reason = getattr(error, "strerror", None) or type(error).__name__
    if not isinstance(error, PermissionError) or sys.platform == "win32":
        return str(reason)
    for place in (path, *path.parents):
        try:
            status = place.stat()
        except OSError:
            continue
        if status.st_uid != os.getuid():
            what = "it" if place == path else f"the folder {place}"
            return f"{reason}: {what} belongs to {owner(status.st_uid)}. Name a folder of your own in {FOLDER_VARIABLE}"
        break
    return str(reason)


def owner(uid: int) -> str:
    """A user's name, or number where the system has no name."""
    if sys.platform == "win32":
        return str(uid)
    import pwd  # noqa: PLC0415 - POSIX only

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
