"""How a JSON text is laid out, learned from one text and given to another: indentation, separators, escapes, order.

A layout says nothing of what the cells have put out: whoever clears a notebook's outputs finds none of them in it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from ..facts.errors import ScriptError
from .order import Order
from .spelling import TOKEN, Escapes, Number, Spelled, plain, read, strings

_WORDS = {True: "true", False: "false", None: "null"}
_SPACE = r"[ \t\n\r]*"
_PARTS = {"item": rf",{_SPACE}", "colon": rf"{_SPACE}:{_SPACE}", "newline": r"\r?\n", "start": "\ufeff?", "end": _SPACE}

_NOTED_SPACE = re.compile(rf"“({_SPACE})” at")

Tokens = list[tuple[str, str]]
"""Each with the white space before it."""


class Layout:
    """Jupyter's own, unless changed. `indent` None: all in one line. `spaces`: irregular ones, by token."""

    def __init__(self) -> None:
        self.indent: str | None = " "
        self.item = ","
        self.colon = ": "
        self.newline = "\n"
        self.start = ""
        self.end = "\n"
        self.escapes: Escapes | None = Escapes()
        self.order = Order()
        self.spaces: dict[str, str] = {}

    @classmethod
    def of(cls, text: str, value: Any) -> Layout:
        """That of a text whose value is known."""
        layout = cls()
        layout.start = "\ufeff" if text.startswith("\ufeff") else ""
        tokens, layout.end = _tokens(text.removeprefix("\ufeff"))
        layout._learn_spaces(tokens)
        layout.escapes = Escapes.of(list(strings(value)))
        layout.order = Order.of(value)
        regular = layout.render(value)
        if regular != text:
            usual, _ = _tokens(regular.removeprefix("\ufeff"))
            pairs = zip(tokens, usual, strict=True)
            different = [(at, ours[0]) for at, (ours, theirs) in enumerate(pairs) if ours[0] != theirs[0]]
            layout.spaces = {"of": _digest(regular)}
            for space in {space for _, space in different}:
                layout.spaces[f"“{space}” at"] = " ".join(str(at) for at, one in different if one == space)
        return layout

    def _learn_spaces(self, tokens: Tokens) -> None:
        inside = tokens[1][0] if len(tokens) > 1 else ""
        self.newline = "\r\n" if "\r\n" in inside else "\n"
        self.indent = inside.rpartition("\n")[2] if "\n" in inside else None
        behind = list(pairwise(tokens))
        comma = next((after for (_, word), (after, _) in behind if word == ","), "")
        self.item = "," + ("" if self.indent is not None else comma)
        after_colon = next((after for (_, word), (after, _) in behind if word == ":"), " ")
        before_colon = next((space for space, word in tokens if word == ":"), "")
        self.colon = f"{before_colon}:{after_colon}"

    def render(self, value: Any) -> str:
        text = self.start + "".join(self._parts(value, 0)) + self.end
        if self.spaces and self.spaces.get("of") == _digest(text):
            tokens, _ = _tokens(text.removeprefix("\ufeff"))
            found = [(_NOTED_SPACE.fullmatch(key), places) for key, places in self.spaces.items()]
            here = {int(at): space[1] for space, places in found if space for at in places.split()}
            pieces = [here.get(at, space) + token for at, (space, token) in enumerate(tokens)]
            return self.start + "".join(pieces) + self.end
        return text

    def _parts(self, value: Any, depth: int) -> Iterator[str]:
        if not isinstance(value, dict | list) or not value:
            yield self._literal(value)
            return
        is_object = isinstance(value, dict)
        line = "" if self.indent is None else self.newline + self.indent * depth
        inner = "" if self.indent is None else line + self.indent
        between = "{" if is_object else "["
        for item in value:
            yield between + inner
            if is_object:
                yield self._literal(item) + self.colon
            yield from self._parts(value[item] if is_object else item, depth + 1)
            between = self.item
        yield line + ("}" if is_object else "]")

    def _literal(self, value: Any) -> str:
        if isinstance(value, Number):
            return str(value)
        if isinstance(value, str):
            if isinstance(value, Spelled) and (self.escapes is None or value.raw != plain(value)):
                return value.raw
            return (self.escapes or Escapes()).spell(value)
        if isinstance(value, dict | list):
            return "{}" if isinstance(value, dict) else "[]"
        return _WORDS[value] if value is None or isinstance(value, bool) else str(value)

    # In the notebook's metadata

    def noted(self) -> dict[str, Any]:
        """As JSON; what is as Jupyter has it is left out."""
        usual = Layout()
        noted: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("indent", *_PARTS, "spaces")
            if getattr(self, name) != getattr(usual, name)
        }
        if self.escapes is None:
            noted["escapes"] = None
        elif self.escapes.noted() != Escapes().noted():
            noted["escapes"] = self.escapes.noted()
        if self.order.keys:
            noted["order"] = self.order.keys
        if self.order.mixed:
            noted["unordered"] = self.order.mixed
        return noted

    @classmethod
    def from_note(cls, noted: dict[str, Any]) -> Layout:
        """Raises ValueError, TypeError or AttributeError for what `noted` did not write."""
        layout = cls()
        for name, pattern in _PARTS.items():
            text = noted.get(name, getattr(layout, name))
            if not re.fullmatch(pattern, text):
                raise ValueError(name)
            setattr(layout, name, str(text))
        indent = noted.get("indent", layout.indent)
        if indent is not None and not re.fullmatch(_SPACE, indent):
            raise ValueError("indent")
        layout.indent = indent
        layout.spaces = dict(noted.get("spaces", {}))
        if "escapes" in noted:
            layout.escapes = None if noted["escapes"] is None else Escapes.from_note(noted["escapes"])
        layout.order = Order(dict(noted.get("order", {})), noted.get("unordered", ()))
        return layout


def render_as_noted(value: Any, noted: Any) -> str:
    """The value, its keys ordered, in a layout that was noted down; in Jupyter's own where the note was spoilt."""
    try:
        layout = Layout.from_note(noted)
        text = layout.render(layout.order.arrange(value))
        if read(text, "") == value:
            return text
    except (ScriptError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        pass  # somebody edited the note: it is about looks alone
    return Layout().render(value)


def _tokens(text: str) -> tuple[Tokens, str]:
    """The tokens of a JSON text, and what is behind the last."""
    found = [(match[1], match[2]) for match in TOKEN.finditer(text)]
    return found, text[sum(len(space) + len(token) for space, token in found) :]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
