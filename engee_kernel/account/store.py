"""Where tokens are kept between runs: the system's keyring, else a file that only its owner reads.

A record belongs to the origin of a management address, so that a token for one Engee is never sent
to another. Everything here blocks (a keyring may ask the person to unlock it): asynchronous callers
use a thread. No message quotes a record.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ..api.credentials import Secret
from ..facts.errors import SettingError
from . import private
from .private import FOLDER_VARIABLE
from .vaults import SERVICE, FileVault, KeyringVault, Vault, VaultError

if TYPE_CHECKING:
    from filelock import FileLock

# a person may be asked to unlock it
KEYRING_BOUND_S = 120.0
VERSION = 1
T = TypeVar("T")


@dataclass(frozen=True)
class StoredToken:
    """A personal access token, or what an OAuth login gave. `expires_at` in seconds since 1970, None if unknown.

    The client's id and secret are kept with an OAuth token: without them it can't be refreshed.
    """

    kind: Literal["pat", "oauth"]
    access: Secret
    refresh: Secret | None = None
    expires_at: float | None = None
    life_s: float | None = None
    scope: str = ""
    client_id: str = ""
    client_secret: Secret | None = None
    saved_at: float = field(default_factory=time.time)

    def expires_within(self, margin_s: float) -> bool:
        """Whether it is known to be over `margin_s` seconds from now."""
        return self.expires_at is not None and time.time() + margin_s >= self.expires_at

    def to_text(self) -> str:
        fields = {
            "version": VERSION,
            "kind": self.kind,
            "access": self.access.reveal(),
            "refresh": self.refresh.reveal() if self.refresh else None,
            "expires_at": self.expires_at,
            "life_s": self.life_s,
            "scope": self.scope,
            "client_id": self.client_id,
            "client_secret": self.client_secret.reveal() if self.client_secret else None,
            "saved_at": self.saved_at,
        }
        return json.dumps({name: value for name, value in fields.items() if value not in (None, "")})

    @classmethod
    def from_text(cls, text: str) -> StoredToken:
        """Raises ValueError, which never quotes the text."""
        try:
            fields = json.loads(text)
        except ValueError:
            raise ValueError("it is not JSON") from None
        if not isinstance(fields, dict) or fields.get("version") != VERSION:
            raise ValueError("another version of engee-kernel wrote it")
        access = fields.get("access")
        if fields.get("kind") not in ("pat", "oauth") or not isinstance(access, str) or not access:
            raise ValueError("it holds no token")
        return cls(
            kind=fields["kind"],
            access=Secret(access),
            refresh=_secret(fields.get("refresh")),
            expires_at=_number(fields.get("expires_at")),
            life_s=_number(fields.get("life_s")),
            scope=str(fields.get("scope", "")),
            client_id=str(fields.get("client_id", "")),
            client_secret=_secret(fields.get("client_secret")),
            saved_at=_number(fields.get("saved_at")) or 0.0,
        )


def _secret(value: Any) -> Secret | None:
    return Secret(value) if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def data_folder() -> Path:
    """This program's own folder in the person's profile; ENGEE_DATA_FOLDER names another one."""
    if FOLDER_VARIABLE in os.environ:
        return Path(os.environ[FOLDER_VARIABLE]).expanduser()
    import platformdirs  # noqa: PLC0415

    return Path(platformdirs.user_data_dir(SERVICE, appauthor=False))


class TokenStore:
    """The vaults of this machine, the keyring first. `key` is an origin, e.g. "https://engee.com:443"."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or data_folder()
        self.troubles: dict[str, str] = {}
        self._vaults: tuple[Vault, ...] | None = None

    def vaults(self) -> tuple[Vault, ...]:
        """Found at the first call: looking for a keyring takes time."""
        if self._vaults is None:
            file = FileVault(self.folder / "tokens.json")
            try:
                keyring = KeyringVault.find()
            except VaultError as error:
                self.troubles["the system keyring"] = str(error)
                keyring = None
            self._vaults = (keyring, file) if keyring is not None else (file,)
        return self._vaults

    def read(self, key: str) -> list[tuple[Vault, StoredToken]]:
        """What is stored, best place first. A vault that can't be read is skipped and named in `troubles`."""
        found = ((vault, self.read_from(vault, key)) for vault in self.vaults())
        return [(vault, token) for vault, token in found if token is not None]

    def read_from(self, vault: Vault, key: str) -> StoredToken | None:
        self.troubles.pop(vault.name, None)
        try:
            text = vault.read(key)
            return None if text is None else StoredToken.from_text(text)
        except (VaultError, ValueError) as error:
            self.troubles[vault.name] = str(error)
            return None

    def save(self, key: str, token: StoredToken) -> Vault:
        """Store in the first vault that takes it; copies in others, which would go stale, are removed.

        Raises SettingError where no vault takes it.
        """
        reasons = []
        for vault in self.vaults():
            try:
                vault.write(key, token.to_text())
            except VaultError as error:
                reasons.append(f"{vault.name}: {error}")
                continue
            for other in self.vaults():
                if other is not vault:
                    with suppress(VaultError):
                        other.delete(key)
            return vault
        raise SettingError(
            f"The token can't be stored: {'; '.join(reasons)}.", "Set it as ENGEE_TOKEN in the environment instead."
        )

    def remove(self, key: str) -> list[str]:
        """Names of the vaults that had something. Raises SettingError where a vault does not let it go."""
        removed = []
        for vault in self.vaults():
            try:
                if vault.delete(key):
                    removed.append(vault.name)
            except VaultError as error:
                raise SettingError(f"The token in {vault.name} can't be removed: {error}.") from error
        return removed

    def lock(self, key: str) -> FileLock:
        """Held by the process that refreshes an OAuth token, while others wait for what it stores."""
        from filelock import FileLock  # noqa: PLC0415

        folder = self.folder / "locks"
        try:
            private.make_folder(self.folder)
            private.make_folder(folder)
        except OSError as error:
            raise SettingError(
                f"The folder {folder} can't be used ({private.reason_of(error, folder)}).",
                f"Name another one in {FOLDER_VARIABLE}.",
            ) from error
        name = hashlib.sha256(key.encode()).hexdigest()[:16]
        return FileLock(folder / f"{name}.lock", thread_local=False)


async def in_thread(work: Callable[..., T], *arguments: Any) -> T:
    """A call of the store beside the event loop. Raises SettingError for a keyring that does not answer."""
    try:
        return await asyncio.wait_for(asyncio.to_thread(work, *arguments), KEYRING_BOUND_S)
    except (TimeoutError, asyncio.TimeoutError) as error:
        raise SettingError(
            f"The system keyring has not answered for {KEYRING_BOUND_S:.0f} s.",
            "Unlock it, or set ENGEE_TOKEN, or switch it off: PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring",
        ) from error
