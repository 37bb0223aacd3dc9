"""What a piece of code came to, and how the API says it."""

from __future__ import annotations

from dataclasses import dataclass

from .settings import Settings


@dataclass(frozen=True)
class Value:
    """The last value's text. `kind` is "nothing", "string" or "other"."""

    kind: str
    text: str

    def result(self, settings: Settings) -> str | None:
        if self.kind == "nothing" and settings.nothing != "nothing":
            return "" if settings.nothing == "empty" else None
        return self.text if settings.result_limit_chars is None else self.text[: settings.result_limit_chars]


@dataclass(frozen=True)
class Failure:
    """The error triple of the contract."""

    type: str
    short_description: str
    full_description: str

    def to_json(self) -> dict[str, object]:
        return {
            "type": self.type,
            "short_description": self.short_description,
            "full_description": self.full_description,
        }


Outcome = Value | Failure


def job_result(outcome: Outcome, settings: Settings) -> dict[str, object]:
    if isinstance(outcome, Value):
        return {"type": "success", "data": {"text": outcome.result(settings)}}
    return {"type": "error", "data": outcome.to_json()}
