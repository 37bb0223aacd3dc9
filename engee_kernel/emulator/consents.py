"""What the OAuth routes remember between a question, the click on it, and the exchange of the code."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Consent:
    """What a person is asked to allow, and later what a code stands for."""

    redirect_uri: str
    scope: str
    state: str | None
    challenge: str | None
    ends_at: float


class ConsentStore:
    """Questions that wait for a click and codes that wait for their exchange. Each is used once."""

    def __init__(self) -> None:
        self._waiting: dict[str, Consent] = {}

    def keep(self, consent: Consent) -> str:
        self._waiting = {key: value for key, value in self._waiting.items() if value.ends_at > time.monotonic()}
        key = secrets.token_urlsafe(24)
        self._waiting[key] = consent
        return key

    def take(self, key: str) -> Consent | None:
        consent = self._waiting.pop(key, None)
        return consent if consent is not None and consent.ends_at > time.monotonic() else None
