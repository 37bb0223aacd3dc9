"""How completions are called in a front end's list; what is put in is another matter."""

from __future__ import annotations

from collections.abc import Sequence

from .editors import vs_code_asks


def labels(typed: str, texts: Sequence[str]) -> list[str]:
    """A label for each text that may stand in for what was typed.

    VS Code shows only labels in which what was typed is found, letter by letter: a text in which it is not, e.g. α
    for \\alpha, is called by what was typed, and by itself as well where there are several such.
    """
    if not vs_code_asks():
        return list(texts)
    foreign = [text for text in texts if not _is_in(typed, text)]
    named = {text: typed if len(foreign) == 1 else f"{typed} {text}" for text in foreign}
    return [named.get(text, text) for text in texts]


def _is_in(typed: str, text: str) -> bool:
    letters = iter(text.lower())
    return all(letter in letters for letter in typed.lower())
