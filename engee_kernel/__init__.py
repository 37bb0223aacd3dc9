"""A Jupyter kernel that runs each notebook cell remotely in Engee.

In a Python notebook: `%load_ext engee_kernel`, then `%%engee`. In a program: `EngeeClient`.
"""

from importlib import import_module
from typing import Any

from .facts.version import __version__ as __version__

# Imported when first asked for: the kernel's start must not wait for what it does not use.
_PUBLIC = {
    "CodeError": "facts.errors",
    "Download": "api.client",
    "EngeeClient": "api.client",
    "EngeeError": "facts.errors",
    "Upload": "api.body",
}

__all__ = ["CodeError", "Download", "EngeeClient", "EngeeError", "Upload"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})


def load_ipython_extension(shell: Any) -> None:
    """Called by IPython for `%load_ext engee_kernel`."""
    import_module(".extension", __name__).load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Called by IPython for `%unload_ext engee_kernel`."""
    import_module(".extension", __name__).unload(shell)
