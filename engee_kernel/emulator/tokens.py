"""Personal access tokens and OAuth tokens, kept in memory: what is valid, from when and until when."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from .moments import now, utc_text

Kind = Literal["pat", "access", "refresh"]


@dataclass
class Token:
    secret: str = field(repr=False)
    kind: Kind
    made_at: datetime
    expires_at: datetime | None
    name: str = ""
    revoked: bool = False
    scope: str = ""

    @property
    def label(self) -> str:
        """Names the token in lists and logs without giving it away."""
        return f"{self.kind}-{self.secret[-4:]}"

    def is_valid(self) -> bool:
        return not self.revoked and (self.expires_at is None or now() < self.expires_at)

    def to_json(self) -> dict[str, object]:
        return {
            "label": self.label,
            "kind": self.kind,
            "name": self.name,
            "made_at": utc_text(self.made_at),
            "expires_at": utc_text(self.expires_at),
            "valid": self.is_valid(),
        }


class TokenStore:
    def __init__(self) -> None:
        self._tokens: list[Token] = []

    def make(
        self, kind: Kind, life_s: float | None, *, name: str = "", scope: str = "", secret: str | None = None
    ) -> Token:
        made_at = now()
        token = Token(
            secret=secret or f"engee_local_{kind}_{secrets.token_urlsafe(24)}",
            kind=kind,
            made_at=made_at,
            expires_at=None if life_s is None else made_at + timedelta(seconds=life_s),
            name=name,
            scope=scope,
        )
        self._tokens.append(token)
        return token

    def find(self, secret: str) -> Token | None:
        """The token, valid or not. Takes the same time for every wrong secret."""
        found = None
        for token in self._tokens:
            if hmac.compare_digest(token.secret.encode(), secret.encode()):
                found = token
        return found

    def forget(self, kept: Token) -> None:
        """Drop every token but one."""
        self._tokens = [kept]

    def all(self) -> list[Token]:
        return list(self._tokens)
