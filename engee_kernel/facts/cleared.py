"""What “Clear all variables” in Engee's browser tab leaves: each name, with `EngeeNothing()` as its value. No I/O."""

from __future__ import annotations

import re

NAME = "EngeeNothing"
AS_VALUE = f"cleared in Engee's tab ({NAME})"
EXPLANATION = (
    f"{NAME} is what “Clear all variables” in Engee's browser tab leaves in place of a value. "
    "Run the cells again that set the variable."
)

_WORD = re.compile(rf"\b{NAME}\b")


def is_cleared(type_name: str) -> bool:
    """`type_name` as Julia writes it, with a module or without."""
    return type_name.rpartition(".")[2] == NAME


def is_about_cleared(*texts: str) -> bool:
    """Whether an error's message names the value."""
    return any(_WORD.search(text) for text in texts)
