"""Moments, in the forms in which Engee writes them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Literal

Form = Literal["milliseconds", "microseconds", "no-zone"]


def now() -> datetime:
    return datetime.now(timezone.utc)


def utc_text(moment: datetime | None, form: Form = "milliseconds") -> str | None:
    """ISO 8601 in UTC: with milliseconds and Z, as on the API's page, or as seen."""
    return None if moment is None else _text(moment, "milliseconds" if form == "milliseconds" else "microseconds", form)


def utc_text_seconds(moment: datetime | None, form: Form = "milliseconds") -> str | None:
    """ISO 8601 in UTC with whole seconds, as in job records."""
    return None if moment is None else _text(moment, "seconds", form)


def _text(moment: datetime, precision: str, form: Form) -> str:
    text = moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec=precision)
    return text if form == "no-zone" else text + "Z"
