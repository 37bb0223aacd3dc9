"""Part of the Jupyter server: a .ngscript that JupyterLab opened as a notebook is saved as a script.

The server reads it as a notebook, for both are nbformat 4. It would save it as one too, with its own layout, this
kernel's entry and without the fields that only Engee knows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tornado.web import HTTPError

from ..facts.errors import ScriptError
from ..scripts.conversion import SCRIPT
from ..scripts.saving import saved_script


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Asked by the server which is configured to load this module."""
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Called by the server as it starts."""
    server.contents_manager.register_pre_save_hook(as_script)


def as_script(model: dict[str, Any], path: str, contents_manager: Any, **_: Any) -> None:
    """Called by the server before it saves anything. What becomes a script is changed into its text."""
    if model.get("type") != "notebook" or not path.lower().endswith(SCRIPT.suffix) or "content" not in model:
        return
    name = path.rpartition("/")[2]
    try:
        text = saved_script(model["content"], _before(contents_manager, path), name)
    except ScriptError as error:
        raise HTTPError(400, str(error), reason=str(error)) from error
    _sign(contents_manager, model["content"], text)
    model |= {"type": "file", "format": "text", "content": text}


def _before(contents_manager: Any, path: str) -> str | None:
    """The file's text. None: there is none, or it is none of this computer's."""
    find = getattr(contents_manager, "_get_os_path", None)
    if find is None:
        return None
    try:
        return Path(find(path)).read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None


def _sign(contents_manager: Any, content: Any, text: str) -> None:
    """As the server does for a notebook whose outputs the person has seen made: they are shown when it is opened."""
    import nbformat  # noqa: PLC0415 - it belongs to the server, which has loaded it

    if contents_manager.notary.check_cells(nbformat.from_dict(content)):  # type: ignore[no-untyped-call]
        contents_manager.notary.sign(nbformat.reads(text, as_version=4))  # type: ignore[no-untyped-call]
