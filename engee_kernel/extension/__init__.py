"""Engee in an ordinary Python notebook: `%load_ext engee_kernel` gives %%engee, %engee, %upload, %download.

The remote work belongs to a thread with an event loop of its own (`background`), because the notebook's own
loop is busy while a cell runs. What is to be shown, and what the person is asked, goes to the main thread
(`screen`), where IPython knows which cell it belongs to. Cells go the way of the Engee kernel's: `Session`.
"""

from __future__ import annotations

import atexit
from typing import Any

from .magics import EngeeMagics

ATTRIBUTE = "engee_extension"


def load(shell: Any) -> None:
    """Register the magics. Nothing is sent to Engee before the first of them runs."""
    if getattr(shell, ATTRIBUTE, None) is not None:
        return
    magics = EngeeMagics(shell)
    magics.register()
    setattr(shell, ATTRIBUTE, magics)
    atexit.register(magics.close)


def unload(shell: Any) -> None:
    """Close the session and take the magics away. What runs in Engee goes on there."""
    magics = getattr(shell, ATTRIBUTE, None)
    if magics is None:
        return
    setattr(shell, ATTRIBUTE, None)
    atexit.unregister(magics.close)
    magics.unregister()
    magics.close()
