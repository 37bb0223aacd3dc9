"""Names that are variables in both languages."""

from __future__ import annotations

import keyword
from collections.abc import Sequence

from ..facts.errors import UsageError

# fmt: off
_JULIA_WORDS = frozenset((
    "baremodule", "begin", "break", "catch", "const", "continue", "do", "else", "elseif", "end",
    "export", "false", "finally", "for", "function", "global", "if", "import", "let", "local",
    "macro", "module", "quote", "return", "struct", "true", "try", "using", "while",
))
# fmt: on


def check_names(names: Sequence[str]) -> None:
    """Raises UsageError for what can't be a variable's name in Python and in Julia."""
    for name in names:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise UsageError(
                f"“{name}” is not the name of a Python variable.",
                "Expected: names separated by commas, e.g. -i a,b",
            )
        if name in _JULIA_WORDS:
            raise UsageError(f"“{name}” is a reserved word in Julia.", "Give the variable another name.")
