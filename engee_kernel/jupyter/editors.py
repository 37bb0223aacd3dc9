"""Who sent a request: VS Code or somebody else, told by what it sends.

VS Code counts positions in UTF-16, and drops a completion whose label is not like what was typed. A cell of its has
its document's address for an id, where JupyterLab and Notebook send the id that stands in the file. Where VS Code
starts the kernel by itself it is known before its first cell: its messages' user is then a fresh UUID, where
JupyterLab sends "" and jupyter_client the login name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import unquote, urlsplit

_CELL_OF_VS_CODE = "vscode-"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
KEPT_SESSIONS = 64

_asks: ContextVar[bool] = ContextVar("_asks", default=False)


def vs_code_asks() -> bool:
    """Whether the request that is at work is VS Code's; see `Editors.of`."""
    return _asks.get()


def is_of_vs_code(cell_id: object) -> bool:
    return str(cell_id).startswith(_CELL_OF_VS_CODE)


def file_of(cell_id: object) -> str:
    """The path of the notebook that a cell of VS Code with this id is in; "" where it is not said."""
    address = str(cell_id)
    if not is_of_vs_code(address):
        return ""
    path = unquote(urlsplit(address).path)
    # a drive's letter stands behind a slash; a notebook that was never saved has no folder
    path = path[1:] if re.match(r"/[A-Za-z]:", path) else path
    return path if PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute() else ""


class Editors:
    """Learns from the cells that are run which clients are VS Code."""

    def __init__(self) -> None:
        self._vs_code: dict[str, None] = {}

    def ran(self, header: Mapping[str, Any], cell_id: object) -> None:
        """A client has sent a cell with this id in its request's metadata."""
        session = str(header.get("session", ""))
        if session and is_of_vs_code(cell_id):
            self._vs_code[session] = None
            if len(self._vs_code) > KEPT_SESSIONS:
                del self._vs_code[next(iter(self._vs_code))]

    def is_vs_code(self, header: Mapping[str, Any]) -> bool:
        if str(header.get("session", "")) in self._vs_code:
            return True
        return _UUID.fullmatch(str(header.get("username", ""))) is not None

    @contextmanager
    def of(self, header: Mapping[str, Any]) -> Iterator[None]:
        """Let `vs_code_asks` answer for the sender of a message with this header."""
        token = _asks.set(self.is_vs_code(header))
        try:
            yield
        finally:
            _asks.reset(token)
