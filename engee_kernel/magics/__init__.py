"""Lines that begin with % at the top of a cell: what the kernel does itself, before or around Julia.

`grammar` splits a cell, `registry` holds the table, `runner` runs a cell's magics and its code; the other
modules are the magics themselves, by subject.
"""

from __future__ import annotations

from .grammar import completeness, julia_of
from .runner import complete, run_cell

__all__ = ["complete", "completeness", "julia_of", "run_cell"]
