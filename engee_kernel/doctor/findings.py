"""What a check found. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..facts.errors import EngeeError

Level = Literal["ok", "warn", "fail", "skip"]


@dataclass(frozen=True)
class Finding:
    """One line: `hint` is what to do about it."""

    name: str
    level: Level
    text: str
    hint: str = ""

    def as_json(self) -> Mapping[str, str]:
        return {"check": self.name, "level": self.level, "text": self.text, "hint": self.hint}


def ok(name: str, text: str) -> Finding:
    return Finding(name, "ok", text)


def warn(name: str, text: str, hint: str) -> Finding:
    return Finding(name, "warn", text, hint)


def fail(name: str, text: str, hint: str) -> Finding:
    return Finding(name, "fail", text, hint)


def skip(name: str, why: str) -> Finding:
    return Finding(name, "skip", why)


def failed(name: str, error: EngeeError) -> Finding:
    return Finding(name, "fail", error.message, error.hint)
