"""The files of a folder of this computer that are to be sent, and their checksums."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path

from ..facts.errors import UsageError
from ..files.paths import composed
from ..files.transfer import local_error
from .exclusions import Exclusions

READ_BYTES = 1 << 20
SETTLED_S = 2.0
"""A file that was just changed may change again without its time telling it: some file systems count in seconds."""


@dataclass(frozen=True, slots=True)
class Local:
    """`name`: the path below the folder, with / and in Unicode's composed form, as it is in Engee."""

    name: str
    path: Path
    size_bytes: int
    modified_ns: int

    @property
    def mark(self) -> tuple[int, int]:
        return self.size_bytes, self.modified_ns

    def is_settled(self) -> bool:
        """Whether the mark tells this content from any later one."""
        return time.time() - self.modified_ns / 1e9 > SETTLED_S


@dataclass
class Source:
    """`skipped`: why, one line each. `excluded`: names that rules keep back, folders with a slash at their end."""

    files: dict[str, Local] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)

    def keeps_back(self, name: str) -> bool:
        """Whether a file is here and not to be sent."""
        return any(name == rule or (rule.endswith("/") and name.startswith(rule)) for rule in self.excluded)


def check_folder(root: Path) -> None:
    """Raises UsageError: no folder must not look like an empty one."""
    if not root.is_dir():
        raise UsageError(f"There is no folder {root} here.", f"Relative names are looked for in {Path.cwd()}")


def scan(root: Path) -> Source:
    """The work of a thread. Raises UsageError where there is no folder, TransferError for what can't be read."""
    check_folder(root)
    found = Source()
    exclusions = Exclusions(root)

    def fail(error: OSError) -> None:
        # an unreadable folder must not look like an empty one
        raise local_error(error, Path(error.filename or root), "Reading") from error

    for place, folders, names in os.walk(root, onerror=fail):
        here = Path(place)
        below = "" if here == root else f"{here.relative_to(root).as_posix()}/"
        exclusions.enter(here, below.rstrip("/"))
        for name in sorted(folders):
            if exclusions.excludes(f"{below}{name}", is_folder=True):
                found.excluded.append(f"{composed(below + name)}/")
            elif (here / name).is_symlink():
                # links to folders may lead in circles
                found.skipped.append(f"{here / name} is a link to a folder.")
                found.excluded.append(f"{composed(below + name)}/")
            else:
                continue
            folders.remove(name)
        folders.sort()
        for name in sorted(names):
            if exclusions.excludes(f"{below}{name}", is_folder=False):
                found.excluded.append(composed(below + name))
            else:
                _add(found, here / name, f"{below}{name}")
    return found


def _add(found: Source, path: Path, relative: str) -> None:
    name = composed(relative)
    try:
        status = path.stat()
        name.encode()
    except FileNotFoundError:
        if path.is_symlink():
            found.skipped.append(f"{path} is a link to nothing.")
        return  # else it went while we looked
    except UnicodeEncodeError:
        found.skipped.append(f"The name of {os.fsencode(path)!r} is not proper Unicode.")
        return
    except OSError as error:
        raise local_error(error, path, "Reading") from error
    if not stat.S_ISREG(status.st_mode):
        found.skipped.append(f"{path} is not a regular file.")
    elif name in found.files:
        raise UsageError(
            f"“{found.files[name].path.name}” is here twice, its letters written in two ways.", "Rename one of them."
        )
    else:
        found.files[name] = Local(name, path, status.st_size, status.st_mtime_ns)


def checksum(path: Path) -> str | None:
    """SHA-256 of a file, None where it is gone. The work of a thread. Raises TransferError."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(READ_BYTES):
                digest.update(piece)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise local_error(error, path, "Reading") from error
    return digest.hexdigest()
