"""Logging in and out: a token is checked before it is stored."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..api import wire
from ..api.client import EngeeClient
from ..api.credentials import origin
from ..facts.errors import (
    GatewayError,
    NetworkError,
    RateLimitedError,
    TokenTooYoungError,
)
from .store import StoredToken, TokenStore, in_thread
from .tokens import VARIABLE

LOGIN_RETRY_BOUND_S = 3.0


@dataclass(frozen=True)
class Login:
    """How a token was found to be: `place` is where it is stored, `hint` what to do yet."""

    username: str
    place: str
    status: wire.ServerStatus
    hint: str = ""


async def keep(url: str, token: StoredToken, store: TokenStore | None = None) -> Login:
    """Check a token against Engee, then store it. A refused one is not stored.

    Raises TokenRejectedError, NetworkError, SettingError.
    """
    store = store or TokenStore()
    hint = ""
    async with EngeeClient(url, token.access, retry_bound_s=LOGIN_RETRY_BOUND_S) as client:
        status = await client.status()
        if status.running and token.kind == "pat":
            try:
                await client.eval("nothing")
            except TokenTooYoungError as error:
                hint = f"{error.message[:1].upper()}{error.message[1:]}\n{error.hint}"
            except (NetworkError, GatewayError, RateLimitedError):
                pass  # the account accepts it; what the server says of it a cell will tell
    vault = await in_thread(store.save, origin(url), token)
    return Login(status.username, vault.name, status, hint)


async def log_out(url: str, store: TokenStore | None = None) -> list[str]:
    """Remove what is stored for this address; the names of the places that had something."""
    return await in_thread((store or TokenStore()).remove, origin(url))


def overriding(setting_source: str) -> str:
    """A remark on a token that goes before the stored one, "" where there is none."""
    name = VARIABLE if os.environ.get(VARIABLE) else setting_source
    return f"{name} is set too: that token is used before the stored one." if name else ""
