"""Cursor positions in code: Jupyter counts code points, VS Code sends its editor's offsets, in UTF-16 units."""

from __future__ import annotations

from .editors import vs_code_asks


def to_code_points(code: str, position: int) -> int:
    """The front end's position in code points; one inside of a character counts as before it."""
    if not vs_code_asks():
        return position
    units = code.encode("utf-16-le", "surrogatepass")[: 2 * position]
    return len(units.decode("utf-16-le", "ignore"))


def from_code_points(code: str, position: int) -> int:
    """A position in code points as the front end counts."""
    if not vs_code_asks():
        return position
    return len(code[:position].encode("utf-16-le", "surrogatepass")) // 2
