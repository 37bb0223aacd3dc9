"""Replacing and removing files that another process may read just now. Everything here blocks.

POSIX lets both happen at any time. Windows refuses while a program has the file open (for a moment: another kernel,
a virus scanner), and what is marked as read-only.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_S = 1.0
PAUSE_S = 0.02
ACCESS_DENIED, SHARING_VIOLATION, LOCK_VIOLATION = 5, 32, 33
PASSING = frozenset({ACCESS_DENIED, SHARING_VIOLATION, LOCK_VIOLATION})


def is_in_use(error: OSError) -> bool:
    """Whether Windows says that a program has the file open."""
    return getattr(error, "winerror", None) in (SHARING_VIOLATION, LOCK_VIOLATION)


def replace(source: Path, target: Path, *, patience_s: float = PATIENCE_S) -> None:
    """`source` becomes `target`, at once, also a read-only one; on Windows tried for `patience_s`. Raises OSError."""
    _patiently(lambda: source.replace(target), target, patience_s)


def remove(path: Path, *, patience_s: float = PATIENCE_S) -> None:
    """Also a read-only file; one that is not there is no error. Raises OSError."""
    _patiently(lambda: path.unlink(missing_ok=True), path, patience_s)


def open_to_read(path: Path, *, patience_s: float = PATIENCE_S) -> int:
    """A descriptor of a file that is just being replaced, perhaps. Raises OSError."""
    descriptors: list[int] = []
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
    _patiently(lambda: descriptors.append(os.open(path, flags)), None, patience_s)
    return descriptors[0]


def _patiently(work: Callable[[], object], read_only: Path | None, patience_s: float) -> None:
    ends = time.monotonic() + patience_s
    made_writable: tuple[Path, int] | None = None
    while True:
        try:
            work()
        except PermissionError as error:
            code = getattr(error, "winerror", None)
            mode = _mode(read_only) if read_only is not None and code == ACCESS_DENIED else None
            if read_only is not None and mode is not None and not mode & stat.S_IWRITE:
                made_writable = read_only, mode
                read_only.chmod(mode | stat.S_IWRITE)
            elif code in PASSING and time.monotonic() < ends:
                time.sleep(PAUSE_S)
            else:
                if made_writable is not None:
                    made_writable[0].chmod(made_writable[1])
                raise
        else:
            return


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None
