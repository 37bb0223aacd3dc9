"""Keeping OAuth tokens fresh: refreshed ahead of their end, once for all processes that share them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from ..api.client import EngeeClient
from ..api.credentials import Secret, origin
from ..api.retry import retrying, surely_not_run
from ..facts.errors import NetworkError, TokenRejectedError
from .oauth import NoToken, OAuthClient, stored
from .store import StoredToken, TokenStore, in_thread

REFRESH_RETRY_BOUND_S = 10.0
LOCK_BOUND_S = 60.0
LOCK_POLL_S = 0.05
LONGEST_MARGIN_S = 60.0


def is_fresh(token: StoredToken) -> bool:
    """Good for a while: refreshing begins a minute before the end, or in the last fifth of a short life."""
    margin_s = LONGEST_MARGIN_S if token.life_s is None else min(LONGEST_MARGIN_S, token.life_s / 5)
    return not token.expires_within(margin_s)


class Refresher:
    """New access tokens for stored ones; processes that share a store refresh one after the other, and only once."""

    def __init__(self, url: str, store: TokenStore, client: OAuthClient | None = None) -> None:
        self._url = url
        self._key = origin(url)
        self._store = store
        self._client = client

    async def fresh(self, known: StoredToken, rejected: Secret | None = None) -> StoredToken | None:
        """A token that is fresh and not the rejected one: what another process stored, or a refreshed one.

        None where it can't be refreshed. Raises TokenRejectedError where the server refuses to, NetworkError.
        """
        async with self._locked():
            latest = await in_thread(self._read, known)
            if is_fresh(latest) and latest.access != (rejected if rejected is not None else known.access):
                return latest
            if latest.refresh is None:
                return None
            renewed = await self._refresh(latest, latest.refresh)
            await in_thread(self._store.save, self._key, renewed)
            return renewed

    def _read(self, known: StoredToken) -> StoredToken:
        found = [token for _, token in self._store.read(self._key) if token.kind == "oauth"]
        return max(found, key=lambda token: token.saved_at, default=known)

    async def _refresh(self, token: StoredToken, refresh: Secret) -> StoredToken:
        client = self._client_of(token)
        engee = EngeeClient(self._url, NoToken())
        try:
            grant = await retrying(
                lambda: engee.refresh(
                    refresh_token=refresh.reveal(),
                    client_id=client.client_id,
                    client_secret=client.client_secret.reveal(),
                ),
                when=surely_not_run,
                bound_s=REFRESH_RETRY_BOUND_S,
            )
        finally:
            await engee.close()
        return stored(grant, client, token)

    def _client_of(self, token: StoredToken) -> OAuthClient:
        if token.client_id and token.client_secret:
            return OAuthClient(token.client_id, token.client_secret, token.scope)
        if self._client is None:
            raise TokenRejectedError(
                "The stored OAuth token can't be refreshed without its client id and secret.",
                "Log in again: engee-kernel login --oauth",
            )
        return replace(self._client, scope=token.scope)

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        """The store's lock, waited for without blocking the event loop."""
        from filelock import Timeout  # noqa: PLC0415

        lock = await in_thread(self._store.lock, self._key)

        def acquired() -> bool:
            try:
                lock.acquire(blocking=False)
            except Timeout:
                return False
            return True

        ends = time.monotonic() + LOCK_BOUND_S
        while not await in_thread(acquired):
            if time.monotonic() >= ends:
                raise NetworkError(
                    f"Another process has been refreshing the token for {LOCK_BOUND_S:.0f} s.", "Try again."
                )
            await asyncio.sleep(LOCK_POLL_S)
        try:
            yield
        finally:
            await in_thread(lock.release)
