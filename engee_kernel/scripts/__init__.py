"""Engee's scripts (.ngscript) as Jupyter notebooks, and back. No I/O, apart from `files`.

Both are nbformat 4 JSON. What one side needs and the other does not understand is kept in the notebook's metadata
(`record`), so that the way back restores it: there and back gives the same bytes where nothing was edited.
"""

from __future__ import annotations

from .conversion import to_notebook, to_script

__all__ = ["to_notebook", "to_script"]
