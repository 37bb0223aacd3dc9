"""Where a token comes from.

Sources in their order: the setting, ENGEE_TOKEN (which goes before a config file's setting), the system's keyring, a
file. The first that has a
token is used. One that Engee refuses gives way to the next that has another one: a stale token that
lies about somewhere never shadows a good one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..api.credentials import Secret, clean_token, origin
from ..facts.errors import (
    EngeeError,
    GatewayError,
    MissingTokenError,
    NetworkError,
    RateLimitedError,
    TokenRejectedError,
)
from .oauth import OAuthClient
from .refresher import Refresher, is_fresh
from .store import StoredToken, TokenStore, in_thread
from .vaults import Vault

VARIABLE = "ENGEE_TOKEN"
REFRESH_PAUSE_S = 5.0
RENEWED_BOUND_S = 2.0

HOW_TO_LOG_IN = (
    "Make a personal access token in Engee's personal account (Communication and Security → Personal access "
    "tokens), best before Engee is started. Then store it: %login in a cell, engee-kernel login in a terminal. "
    "Or set ENGEE_TOKEN to it and restart the kernel."
)

Tell = Callable[[str], None]


class Source(Protocol):
    """One place a token may come from."""

    @property
    def name(self) -> str:
        """For the person."""

    async def token(self) -> Secret | None:
        """A token to try, None where there is none. Raises EngeeError."""

    async def renewed(self, rejected: Secret) -> Secret | None:
        """Another one of the same source after a 401 of `rejected`."""


@dataclass(frozen=True)
class FixedSource:
    """A token that a setting or a variable holds."""

    name: str
    text: Secret

    async def token(self) -> Secret | None:
        return clean_token(self.text.reveal(), self.name) if self.text else None

    async def renewed(self, rejected: Secret) -> Secret | None:
        return None


class StoredSource:
    """What `engee-kernel login` stored in one vault."""

    def __init__(self, store: TokenStore, vault: Vault, key: str, refresher: Refresher) -> None:
        self.name = vault.name
        self._store = store
        self._vault = vault
        self._key = key
        self._refresher = refresher
        self._known: StoredToken | None = None
        self._renewed: Secret | None = None
        self._renewed_at = 0.0
        self._no_refresh_before = 0.0

    async def token(self) -> Secret | None:
        if self._known is None:
            self._known = await self._read()
        known = self._known
        if known is None or known.kind == "pat" or is_fresh(known):
            return known.access if known else None
        over = known.expires_within(0)
        if not over and time.monotonic() < self._no_refresh_before:
            return known.access
        try:
            self._known = await self._refresher.fresh(known)
        except (TokenRejectedError, NetworkError, GatewayError, RateLimitedError):
            self._no_refresh_before = time.monotonic() + REFRESH_PAUSE_S
            if over:
                self._known = None
                raise
            return known.access  # it is good for a moment yet
        if self._known is None:
            self._known = known
            return None if over else known.access
        return self._known.access

    async def renewed(self, rejected: Secret) -> Secret | None:
        if rejected == self._renewed and time.monotonic() - self._renewed_at < RENEWED_BOUND_S:
            return None  # refreshed because of a 401, and refused again: refreshing does not help
        latest = await self._read()
        if latest is None:
            return None
        if latest.access == rejected or (latest.kind == "oauth" and not is_fresh(latest)):
            if latest.kind == "pat":
                return None
            try:
                latest = await self._refresher.fresh(latest, rejected)
            except TokenRejectedError:
                return None
            if latest is None:
                return None
        self._known = latest
        self._renewed, self._renewed_at = latest.access, time.monotonic()
        return latest.access

    async def _read(self) -> StoredToken | None:
        return await in_thread(self._store.read_from, self._vault, self._key)


class AccountTokens:
    """The client's `TokenProvider`: goes through the sources. `tell` is told when it has to leave one."""

    def __init__(self, url: str, fixed: Sequence[Source], refresher: Refresher, store: TokenStore, tell: Tell) -> None:
        self._url = url
        self._key = origin(url)
        self._sources = list(fixed)
        self._refresher = refresher
        self._store = store
        self._tell = tell
        self._at = 0
        self._stored_known = False
        self._told: set[tuple[str, str]] = set()

    def __repr__(self) -> str:
        return f"AccountTokens({self._url!r})"

    async def token(self) -> Secret:
        return (await self.find())[1]

    async def find(self) -> tuple[str, Secret]:
        """The source in use and its token. Raises MissingTokenError, or what keeps the only one from being used."""
        failure: EngeeError | None = None
        at = self._at
        while True:
            if at == len(self._sources) and not await self._look_in_store():
                break
            source = self._sources[at]
            try:
                token = await source.token()
            except TokenRejectedError as error:
                failure = failure or error
            else:
                if token is not None:
                    self._at = at
                    return source.name, token
            at += 1
        if self._at:  # what was in use is gone
            self._at = 0
            return await self.find()
        raise failure or MissingTokenError("There is no token for Engee.", self._how_to_log_in())

    async def renewed(self, rejected: Secret) -> Secret | None:
        source = self._sources[self._at]
        token = await source.token()
        if token is not None and token != rejected:
            return token  # another request has renewed it meanwhile
        token = await source.renewed(rejected)
        if token is not None and token != rejected:
            return token
        at = self._at + 1
        while at < len(self._sources) or await self._look_in_store():
            try:
                token = await self._sources[at].token()
            except TokenRejectedError:
                token = None
            if token is not None and token != rejected:
                self._at = at
                self._tell_once(source.name, self._sources[at].name)
                return token
            at += 1
        self._at = 0  # none is better: the first one's failure is the one to explain
        return None

    async def _look_in_store(self) -> bool:
        """Add the store's vaults to the sources; they are looked for only when nothing before has a token."""
        if self._stored_known:
            return False
        vaults = await in_thread(self._store.vaults)
        if not self._stored_known:
            self._stored_known = True
            self._sources += [StoredSource(self._store, vault, self._key, self._refresher) for vault in vaults]
        return True

    def _tell_once(self, refused: str, other: str) -> None:
        if (refused, other) not in self._told:
            self._told.add((refused, other))
            self._tell(f"Engee refused the token from {refused}: the one from {other} is used. {_remove(refused)}")

    def _how_to_log_in(self) -> str:
        troubles = [f"{name} was skipped: {why}." for name, why in self._store.troubles.items()]
        return "\n".join([HOW_TO_LOG_IN, *troubles])


def _remove(source: str) -> str:
    if source == VARIABLE or "setting" in source:
        return f"Remove it from {source}, or put a good one there."
    return "Replace it with: engee-kernel login"


def of_machine(
    url: str,
    *,
    setting: Secret | None = None,
    setting_name: str = "the setting “token”",
    setting_first: bool = True,
    client: OAuthClient | None = None,
    store: TokenStore | None = None,
    tell: Tell,
) -> AccountTokens:
    """The provider for `url`, with the sources of this machine. Raises SettingError for a bad address."""
    store = store or TokenStore()
    fixed: list[Source] = [
        FixedSource(setting_name, setting or Secret("")),
        FixedSource(VARIABLE, Secret(os.environ.get(VARIABLE, ""))),
    ]
    if not setting_first:  # it is a file's, for all kernels: the environment is nearer
        fixed.reverse()
    return AccountTokens(url, fixed, Refresher(url, store, client), store, tell)
