"""What the browser tab beside us has been shown: the text that Engee read from its own streams, and values."""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

MAX_ITEMS = 20_000


@dataclass(frozen=True)
class Item:
    """`kind`: stdout, stderr, or display, whose `data` is text by MIME type."""

    kind: str
    text: str
    data: dict[str, str] | None = None

    def to_json(self) -> dict[str, object]:
        return {"kind": self.kind, "text": self.text, "data": self.data}


class Screen:
    def __init__(self) -> None:
        self._items: deque[Item] = deque(maxlen=MAX_ITEMS)
        self.clear()

    def clear(self) -> None:
        self._items.clear()
        # A character may arrive in two pieces.
        self._decoders = {
            kind: codecs.getincrementaldecoder("utf-8")(errors="replace") for kind in ("stdout", "stderr")
        }

    def print(self, kind: str, data: bytes) -> None:
        text = self._decoders[kind].decode(data)
        if text:
            self._items.append(Item(kind, text))

    def display(self, fields: Sequence[bytes]) -> None:
        """`fields`: MIME type, text, MIME type, text, …"""
        words = [field.decode("utf-8", "replace") for field in fields]
        data = dict(zip(words[::2], words[1::2], strict=True))
        self._items.append(Item("display", data.get("text/plain", ""), data))

    def items(self) -> list[Item]:
        return list(self._items)
