"""Scripts and notebooks as people, Engee and other programs may have saved them, made at random."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

# in both Unicode planes, control characters, half a surrogate pair, what some writers escape
CHARACTERS = st.one_of(
    st.sampled_from("aB 1\n\t\r\b\x0b\x7f\"\\/<>&'éЖя😀\u2028\ud800"), st.characters(blacklist_categories=["Cs"])
)
TEXT = st.text(CHARACTERS, max_size=12)
WORDS = st.text("abcdef_", min_size=1, max_size=6)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(10**20), 10**20), TEXT)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
IDS = st.from_regex(r"[a-zA-Z0-9_-]{1,12}", fullmatch=True)
FORMS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "lines": lambda text: text.splitlines(keepends=True),
    "pieces": lambda text: [text[:2], text[2:]],
}
ZERO = st.just(0)
MIMES = ("text/plain", "text/html", "image/svg+xml", "image/png")


@st.composite
def outputs(draw: st.DrawFn, form: Callable[[str], Any]) -> dict[str, Any]:
    kind = draw(st.sampled_from(["stream", "display_data", "execute_result", "error"]))
    made: dict[str, Any] = {"output_type": kind}
    if kind == "stream":
        made |= {"name": draw(st.sampled_from(["stdout", "stderr"])), "text": form(draw(TEXT))}
    elif kind == "error":
        made |= {"ename": draw(TEXT), "evalue": draw(TEXT), "traceback": draw(st.lists(TEXT, max_size=2))}
    else:
        mimes = draw(st.lists(st.sampled_from(MIMES), unique=True, max_size=3))
        data = {mime: form(draw(TEXT)) if mime != "image/png" else draw(TEXT) for mime in mimes}
        if draw(st.booleans()):
            data["application/json"] = draw(JSON)
        made |= {"data": data, "metadata": draw(st.dictionaries(WORDS, JSON, max_size=2))}
        if kind == "execute_result":
            made["execution_count"] = draw(st.one_of(st.none(), st.integers(0, 99)))
    return made


@st.composite
def cells(draw: st.DrawFn, form: Callable[[str], Any], counts: st.SearchStrategy[Any]) -> dict[str, Any]:
    kind = draw(st.sampled_from(["code", "code", "markdown", "raw"]))
    made: dict[str, Any] = {
        "cell_type": kind,
        "metadata": draw(st.dictionaries(WORDS, JSON, max_size=2)),
        "source": form(draw(TEXT)),
    }
    if kind == "code":
        made |= {"execution_count": draw(counts), "outputs": draw(st.lists(outputs(form), max_size=3))}
    return made


@st.composite
def notebooks(
    draw: st.DrawFn,
    *,
    forms: tuple[str, ...] = tuple(FORMS),
    counts: st.SearchStrategy[Any] = ZERO,
    metadata: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Valid nbformat 4.5, the keys of all objects of a kind in one order."""
    form = FORMS[draw(st.sampled_from(forms))]
    found = draw(st.lists(cells(form, counts), max_size=5))
    ids = draw(st.lists(IDS, unique=True, min_size=len(found), max_size=len(found)))
    made = {
        "cells": [{**cell, "id": new} for cell, new in zip(found, ids, strict=True)],
        "metadata": {**draw(st.dictionaries(WORDS, JSON, max_size=2)), **(metadata or {})},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    order = draw(st.permutations(["cells", "metadata", "nbformat", "id", "source", "outputs", "output_type", "text"]))
    return ordered(made, order)


def ordered(value: Any, order: list[str]) -> Any:
    if isinstance(value, list):
        return [ordered(item, order) for item in value]
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (order.index(key) if key in order else 99, key))
        return {key: ordered(value[key], order) for key in keys}
    return value


SCRIPT_METADATA = {
    "engee": {"theme": "dark", "panes": [1, 2]},
    "kernelspec": {"name": "ijulia-1.9", "display_name": "IJulia 1.9.3", "language": "julia"},
}
NOTEBOOK_METADATA = {
    "kernelspec": {"name": "engee", "display_name": "Engee (Julia)", "language": "julia"},
    "language_info": {"name": "julia", "version": "1"},
}


@st.composite
def laid_out(draw: st.DrawFn, value: Any) -> str:
    """As some program writes JSON, the same way throughout."""
    indent = draw(st.sampled_from([None, 0, 1, 2, 4, "\t"]))
    item = "," if indent is not None else draw(st.sampled_from([",", ", "]))
    colon = draw(st.sampled_from([":", ": ", " : "]))
    text = json.dumps(value, indent=indent, separators=(item, colon), ensure_ascii=draw(st.booleans()))
    text = "".join(f"\\u{ord(one):04x}" if "\ud800" <= one <= "\udfff" else one for one in text)
    if draw(st.booleans()):
        text = text.replace("/", "\\/")
    if draw(st.booleans()):
        text = text.replace("<", "\\u003C")
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return draw(st.sampled_from(["", "\ufeff"])) + text + draw(st.sampled_from(["", "\n", "\r\n", "\n\n"]))


@st.composite
def scrawled(draw: st.DrawFn, value: Any) -> str:
    """As no program writes JSON: white space, escapes and numbers at random."""
    spaces = st.sampled_from(["", "", " ", "\n", "\t ", "\r\n"])

    def space() -> str:
        return draw(spaces)

    def write(value: Any) -> str:
        if isinstance(value, dict):
            pairs = [f"{space()}{write(key)}{space()}:{space()}{write(item)}{space()}" for key, item in value.items()]
            return "{" + (",".join(pairs) or space()) + "}"
        if isinstance(value, list):
            return "[" + (",".join(space() + write(item) + space() for item in value) or space()) + "]"
        if isinstance(value, str):
            return '"' + "".join(character(one) for one in value) + '"'
        return json.dumps(value)

    def character(one: str) -> str:
        literal = json.dumps(one)[1:-1]
        if literal == one or "\ud800" <= one <= "\udfff" or one < " " or one in '"\\':
            return literal
        return one if draw(st.booleans()) else literal

    return space() + write(value) + space()
