"""Whether a notebook of this computer is one of Engee's scripts, or was made from one."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from .conversion import SCRIPT
from .notes import NOTE

LIMIT_BYTES = 64 * 2**20


def is_of_script(path: Path) -> bool:
    """By the file's name, else by what the notebook's metadata say; False for what can't be read."""
    if path.suffix == SCRIPT.suffix:
        return True
    try:
        state = path.stat()
        return state.st_size <= LIMIT_BYTES and path.is_file() and _was_made(path, state.st_mtime_ns)
    except (OSError, ValueError):
        return False


@lru_cache(maxsize=8)
def _was_made(path: Path, _changed_ns: int) -> bool:
    """Read once for each state of the file."""
    notebook: Any = json.loads(path.read_text(encoding="utf-8"))
    metadata = notebook.get("metadata") if isinstance(notebook, dict) else None
    if not isinstance(metadata, dict):
        return False
    note = metadata.get(NOTE)
    return "engee" in metadata or (isinstance(note, dict) and note.get("from") == SCRIPT.suffix)
