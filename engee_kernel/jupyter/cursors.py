"""Cursor positions in code: Jupyter counts code points, VS Code counts UTF-16 units.

VS Code sends its editor's offsets as they are. Where it starts the kernel by itself it can be told by its
messages: their user is a fresh UUID. JupyterLab and Notebook, which convert, send "" there, jupyter_client the
login name. Through a Jupyter server VS Code sends "" as well: there its cursor stays off by one for each
character beyond U+FFFF (an emoji, a bold 𝐱) before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_in_utf16: ContextVar[bool] = ContextVar("_in_utf16", default=False)


@contextmanager
def counted_by(header: Mapping[str, Any]) -> Iterator[None]:
    """Let the functions below count as the sender of a message with this header does."""
    token = _in_utf16.set(_UUID.fullmatch(str(header.get("username", ""))) is not None)
    try:
        yield
    finally:
        _in_utf16.reset(token)


def to_code_points(code: str, position: int) -> int:
    """The front end's position in code points; one inside of a character counts as before it."""
    if not _in_utf16.get():
        return position
    units = code.encode("utf-16-le", "surrogatepass")[: 2 * position]
    return len(units.decode("utf-16-le", "ignore"))


def from_code_points(code: str, position: int) -> int:
    """A position in code points as the front end counts."""
    if not _in_utf16.get():
        return position
    return len(code[:position].encode("utf-16-le", "surrogatepass")) // 2
