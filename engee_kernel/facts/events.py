"""What a cell can put out, in the order in which it did: the vocabulary between session and publisher.

An event of the agent is a JSON object with `n` (1, 2, 3, … within its cell) and `t`, its kind.
`decode` turns one into a dataclass; plain mode makes the same dataclasses itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

MimeBundle: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stream:
    """`name` is "stdout" or "stderr"."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Display:
    """A display_data, or with `update` an update of the display of the same `display_id`."""

    data: MimeBundle
    metadata: MimeBundle = field(default_factory=dict)
    display_id: str | None = None
    update: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """The value of a cell's last expression."""

    data: MimeBundle
    metadata: MimeBundle = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Clear:
    """`wait`: clear when the next output comes."""

    wait: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a Julia stack trace; `user`: in the person's own code."""

    function: str
    file: str
    line: int
    user: bool = False
    inlined: bool = False


@dataclass(frozen=True, slots=True)
class Cause:
    """An exception behind another one: it was being handled, or it ended a task or a remote call."""

    type: str
    message: str
    frames: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """The code raised. `message` is what Julia's `showerror` says, `full` the API's full description."""

    type: str
    short: str
    message: str
    frames: tuple[Frame, ...] = ()
    full: str = ""
    causes: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True)
class Input:
    """The code waits for a line of standard input."""

    prompt_id: int
    prompt: str
    password: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """Always a cell's last event. `status`: "ok", "error" or "interrupted"."""

    status: str
    statistics: Mapping[str, float] = field(default_factory=dict)
    expressions: Mapping[str, Any] = field(default_factory=dict)


Event: TypeAlias = Stream | Display | Result | Clear | Failure | Input | Done

_STATISTICS = ("elapsed_s", "allocated_bytes", "gc_s", "compile_s")


def decode(raw: Mapping[str, Any]) -> Event | None:  # noqa: PLR0911 - a table, one line a kind
    """The event of a JSON object; None for a kind that a newer agent may have and this kernel has not.

    Raises KeyError or TypeError when a known kind lacks what it must have.
    """
    kind = raw["t"]
    if kind == "stream":
        return Stream(str(raw["name"]), str(raw["text"]))
    if kind in ("display", "update"):
        return Display(raw["data"], raw.get("metadata") or {}, raw.get("id"), update=kind == "update")
    if kind == "result":
        return Result(raw["data"], raw.get("metadata") or {})
    if kind == "clear":
        return Clear(bool(raw.get("wait")))
    if kind == "error":
        causes = tuple(
            Cause(str(cause["type"]), str(cause["message"]), _frames(cause)) for cause in raw.get("causes") or ()
        )
        full = str(raw.get("full") or "")
        return Failure(str(raw["type"]), str(raw["short"]), str(raw["message"]), _frames(raw), full, causes)
    if kind == "input":
        return Input(int(raw["id"]), str(raw.get("prompt") or ""), bool(raw.get("password")))
    if kind == "done":
        statistics = {key: float(raw[key]) for key in _STATISTICS if raw.get(key) is not None}
        return Done(str(raw["status"]), statistics, raw.get("expressions") or {})
    return None


def _frames(raw: Mapping[str, Any]) -> tuple[Frame, ...]:
    return tuple(
        Frame(
            str(frame["func"]),
            str(frame["file"]),
            int(frame["line"]),
            bool(frame.get("user")),
            bool(frame.get("inlined")),
        )
        for frame in raw.get("frames") or ()
    )
