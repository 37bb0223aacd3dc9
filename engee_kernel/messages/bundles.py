"""A value's representations, as front ends get on with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LATEX = "text/latex"
SAYS_THE_SAME = ("text/markdown", "text/html")


def without_twins(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The bundle without LaTeX that Markdown or HTML stands beside.

    VS Code prefers LaTeX to both, and its KaTeX knows formulas only: no lists, no verbatim, no tables.
    """
    if LATEX not in data or not any(data.get(mime) for mime in SAYS_THE_SAME):
        return data
    return {mime: value for mime, value in data.items() if mime != LATEX}
