"""What cells have published, kept for a page that opens later: by the notebook cell's id, the newest run of each.

Bounded: where there is too much, ended cells lose their output first, the oldest before others; of the only cell that
is left its oldest messages go. A transcript says whether something is missing from its beginning.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LIMIT_BYTES = 16_000_000
LIMIT_CELLS = 500
SLACK = 1 / 64
"""The part of the limit after which the sum is looked at again."""
MESSAGE_BYTES = 500
"""What a message needs beside its content, about."""
MERGED_CHARACTERS = 4096
"""Pieces of a stream are kept as one message up to this length: a bar that prints a letter at a time stays cheap."""
CUT = (
    "(The beginning of this output is not kept for a page that opens later: it was too long. "
    "%jobs lists what Engee has of it.)\n"
)

QUEUED, RUNNING, ENDED = "queued", "running", "ended"
OUTPUTS = frozenset({"stream", "display_data", "execute_result", "error"})


@dataclass(slots=True)
class Kept:
    """A message as a page needs it. One of a stream may stand for several."""

    kind: str
    content: Mapping[str, Any]
    size_bytes: int


@dataclass
class Transcript:
    """One run of a cell. `published` counts all of its messages, `last` is the newest one's id: what a page has to
    have seen to miss nothing.
    """

    request: str
    cell_id: str
    code: str
    state: str = QUEUED
    count: int | None = None
    published: int = 0
    last: str = ""
    cut: bool = False
    size_bytes: int = 0
    messages: deque[Kept] = field(default_factory=deque)
    _clears: Kept | None = None
    _updates: dict[str, Kept] = field(default_factory=dict)

    def add(self, message_id: str, kind: str, content: Mapping[str, Any]) -> None:
        """A message that was published. What it makes invisible is dropped."""
        self.published += 1
        self.last = message_id
        self.echo(kind, content)

    def echo(self, kind: str, content: Mapping[str, Any]) -> None:
        """What a page shows without a message: the line that was typed into it."""
        if kind in OUTPUTS and self._clears is not None:
            self._drop_before(self._clears)
            self._clears = None
        if kind == "clear_output" and not content.get("wait"):
            self.empty()
        elif not self._is_joined(kind, content):
            kept = Kept(kind, content, MESSAGE_BYTES + _size(content))
            self.messages.append(kept)
            self.size_bytes += kept.size_bytes
            display = content.get("transient", {}).get("display_id")
            if kind == "clear_output":
                self._clears = kept
            elif kind == "update_display_data":
                self._updates[display] = kept
            elif display:
                self._updates.pop(display, None)  # a new one of this name: later updates change both

    def empty(self) -> None:
        """Nothing of it is visible any more."""
        self.messages.clear()
        self._updates.clear()
        self._clears = None
        self.size_bytes = 0
        self.cut = False

    def shorten(self) -> bool:
        """Drop the oldest message; False where there is none."""
        if not self.messages:
            return False
        self._drop_first()
        self.cut = True
        return True

    def summary(self) -> dict[str, Any]:
        names = ("request", "cell_id", "code", "state", "count", "published", "last", "cut")
        return {name: getattr(self, name) for name in names}

    def whole(self) -> dict[str, Any]:
        messages = [{"kind": kept.kind, "content": kept.content} for kept in self.messages]
        if self.cut:
            messages.insert(0, {"kind": "stream", "content": {"name": "stderr", "text": CUT}})
        return {**self.summary(), "messages": messages}

    def _is_joined(self, kind: str, content: Mapping[str, Any]) -> bool:
        """Whether an older message can say it too."""
        if kind == "update_display_data":
            kept = self._updates.get(content.get("transient", {}).get("display_id"))
            if kept is None or self._clears is not None:
                return False
            self._replace(kept, content)
            return True
        last = self.messages[-1] if self.messages else None
        if kind != "stream" or last is None or last.kind != kind or last.content["name"] != content["name"]:
            return False
        if len(last.content["text"]) + len(content["text"]) > MERGED_CHARACTERS:
            return False
        self._replace(last, {"name": content["name"], "text": last.content["text"] + content["text"]})
        return True

    def _replace(self, kept: Kept, content: Mapping[str, Any]) -> None:
        self.size_bytes -= kept.size_bytes
        kept.content, kept.size_bytes = content, MESSAGE_BYTES + _size(content)
        self.size_bytes += kept.size_bytes

    def _drop_before(self, kept: Kept) -> None:
        while self.messages and self.messages[0] is not kept:
            self._drop_first()
        self.cut = False

    def _drop_first(self) -> None:
        dropped = self.messages.popleft()
        self.size_bytes -= dropped.size_bytes
        self._updates = {display: kept for display, kept in self._updates.items() if kept is not dropped}
        if self._clears is dropped:
            self._clears = None


class Transcripts:
    """Those of a notebook's cells, in the order in which they were sent."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES, limit_cells: int = LIMIT_CELLS) -> None:
        self._limit_bytes = limit_bytes
        self._limit_cells = limit_cells
        self._unchecked_bytes = 0
        self._of: dict[str, Transcript] = {}

    def queue(self, request: str, cell_id: str, code: str) -> None:
        """A front end has sent the cell: what it put out before is no longer shown."""
        self._of.pop(cell_id, None)
        self._of[cell_id] = Transcript(request, cell_id, code)
        # what never begins, e.g. a request with a wrong signature, must not stay for ever either
        spare = [one.cell_id for state in (ENDED, QUEUED) for one in self._of.values() if one.state == state]
        for known in spare[: max(0, len(self._of) - self._limit_cells)]:
            del self._of[known]

    def begin(self, request: str, count: int) -> Transcript | None:
        """The request's turn has come. None: it was not queued, or its cell has been sent again since."""
        found = self._find(request)
        if found is not None:
            found.state, found.count = RUNNING, count
        return found

    def end(self, request: str) -> None:
        found = self._find(request)
        if found is not None:
            found.state = ENDED

    def drop(self, request: str) -> None:
        """It is not run."""
        found = self._find(request)
        if found is not None:
            del self._of[found.cell_id]

    def forget(self, cell_id: str) -> None:
        """The person has cleared the cell's output: a page that opens does not show it again."""
        found = self._of.get(cell_id)
        if found is not None and found.state == ENDED:
            del self._of[cell_id]
        elif found is not None:
            found.empty()

    def add(self, transcript: Transcript, message_id: str, kind: str, content: Mapping[str, Any]) -> None:
        """A message of this run was published."""
        before = transcript.size_bytes
        transcript.add(message_id, kind, content)
        self._unchecked_bytes += max(0, transcript.size_bytes - before)
        if self._unchecked_bytes > self._limit_bytes * SLACK:
            self._unchecked_bytes = 0
            self._trim(sum(one.size_bytes for one in self._of.values()) - int(self._limit_bytes * (1 - SLACK)))

    def _trim(self, excess: int) -> None:
        for one in sorted(self._of.values(), key=lambda one: one.state != ENDED):
            before = one.size_bytes
            while excess > before - one.size_bytes and one.shorten():
                pass
            excess -= before - one.size_bytes

    def summaries(self) -> list[dict[str, Any]]:
        return [one.summary() for one in self._of.values()]

    def whole(self, request: str) -> dict[str, Any] | None:
        found = self._find(request)
        return None if found is None else found.whole()

    def _find(self, request: str) -> Transcript | None:
        return next((one for one in reversed(self._of.values()) if one.request == request), None)


def _size(value: Any) -> int:
    """Bytes in memory, about."""
    if isinstance(value, Mapping):
        return sum(_size(key) + _size(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return sum(map(_size, value))
    return sys.getsizeof(value)
