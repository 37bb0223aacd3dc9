"""What a token is, who makes it, and what never happens to it. No I/O.

A `Secret` shows its value only to `reveal()`; whatever prints, logs or pickles it sees stars.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NoReturn, Protocol
from urllib.parse import urlsplit

from ..facts.errors import SettingError

STARS = "********"


class Secret:
    """A string that keeps itself out of outputs."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret({STARS!r})"

    def __str__(self) -> str:
        return STARS

    def __format__(self, format_spec: str) -> str:
        return STARS

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


def clean_token(value: str, source: str) -> Secret:
    """A token as typed or pasted, without the white space around it.

    Raises SettingError (which never quotes the token) for what can't be one: a header would refuse it.
    """
    # Windows editors put a byte order mark before a file's text
    token = value.strip().removeprefix("\ufeff").strip()
    if token.lower().split(None, 1)[:1] == ["bearer"]:
        token = token[6:].strip()
    if not token or not all("!" <= char <= "~" for char in token):
        raise SettingError(
            f"The token from {source} is {'empty' if not token else 'not one'}: "
            "a token has only printable ASCII characters and no spaces.",
            "Copy it again from the personal account (it is shown once) and store it: engee-kernel login",
        )
    return Secret(token)


class TokenProvider(Protocol):
    """Gives the client a token for each request."""

    async def token(self) -> Secret:
        """A token that is good now, refreshed before if needed. Raises MissingTokenError."""

    async def renewed(self, rejected: Secret) -> Secret | None:
        """Another token after a 401 of `rejected`, or None where there is none to try."""


@dataclass(frozen=True)
class FixedToken:
    """A personal access token: it can't be renewed."""

    secret: Secret = field(repr=False)

    async def token(self) -> Secret:
        return self.secret

    async def renewed(self, rejected: Secret) -> Secret | None:
        return None


def is_loopback(host: str) -> bool:
    """Whether a host name surely means this machine: `localhost` or a loopback address, no name that looks like one."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=32)
def origin(url: str) -> str:
    """Scheme, host and port of a URL, e.g. "https://engee.com:443". Raises SettingError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingError(f"“{url}” is not a URL: {error}.", "Expected e.g. https://engee.com") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingError(f"“{url}” is not an http(s) URL.", "Expected e.g. https://engee.com")
    if parts.username or parts.password:
        raise SettingError("The address must not hold a user name or password.", "Expected e.g. https://engee.com")
    host = parts.hostname
    if parts.scheme == "http" and not is_loopback(host):
        raise SettingError(
            f"{parts.scheme}://{host} is not encrypted: the token would travel in the clear.",
            "Use https://; plain http is for this machine's own loopback addresses only.",
        )
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}:{port or (443 if parts.scheme == 'https' else 80)}"
