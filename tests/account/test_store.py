"""Vaults and the store, on real files and a real keyring backend."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from file_keyring import BrokenKeyring, FileKeyring
from keyring.backends.null import Keyring

from engee_kernel.account.store import StoredToken, TokenStore
from engee_kernel.account.vaults import PIECE_CHARS, FileVault, KeyringVault, VaultError
from engee_kernel.api.credentials import Secret
from engee_kernel.facts.errors import SettingError

KEY = "https://engee.example:443"
OTHER = "https://other.example:443"


def token(text: str = "pat-of-the-test") -> StoredToken:
    return StoredToken("pat", Secret(text))


@pytest.fixture
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    yield
    keyring.set_keyring(before)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FileKeyring:
    monkeypatch.setenv("TEST_KEYRING_FILE", str(tmp_path / "keyring.json"))
    return FileKeyring()


@pytest.mark.usefixtures("no_keyring")
def test_without_a_keyring_a_private_file_keeps_tokens(tmp_path: Path) -> None:
    store = TokenStore(tmp_path / "data")
    vault = store.save(KEY, token())
    assert isinstance(vault, FileVault)
    assert [found.access.reveal() for _, found in store.read(KEY)] == ["pat-of-the-test"]
    assert store.read(OTHER) == []
    if sys.platform != "win32":
        assert stat.S_IMODE(vault.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(vault.path.parent.stat().st_mode) == 0o700
    assert store.remove(KEY) == [vault.name]
    assert store.remove(KEY) == []
    assert not any(b"pat-of-the-test" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
@pytest.mark.usefixtures("no_keyring")
def test_a_file_that_others_can_read_is_not_used_until_it_is_written_anew(tmp_path: Path) -> None:
    store = TokenStore(tmp_path)
    vault = store.save(KEY, token())
    (tmp_path / "tokens.json").chmod(0o644)
    assert store.read(KEY) == []
    assert "can be read by other users" in store.troubles[vault.name]
    assert "chmod 600" in store.troubles[vault.name]
    store.save(KEY, token("another"))
    assert [found.access.reveal() for _, found in store.read(KEY)] == ["another"]
    assert store.troubles == {}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"https://engee.example:443": "{}"}', "\0"])
@pytest.mark.usefixtures("no_keyring")
def test_a_broken_file_is_said_to_be_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tokens.json"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    store = TokenStore(tmp_path)
    assert store.read(KEY) == []
    store.save(KEY, token())
    assert len(store.read(KEY)) == 1


@pytest.mark.usefixtures("no_keyring")
def test_a_half_written_file_is_never_seen(tmp_path: Path) -> None:
    vault = FileVault(tmp_path / "tokens.json")
    vault.write(KEY, "first")
    with pytest.raises(RuntimeError), vault._changing() as records:
        records[KEY] = "second"
        raise RuntimeError("killed in the middle")
    assert vault.read(KEY) == "first"
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".lock") == ["tokens.json"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.usefixtures("no_keyring")
def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(SettingError, match="can't be stored"):
        TokenStore(tmp_path / "data").save(KEY, token())


@pytest.mark.parametrize("length", [1, PIECE_CHARS, PIECE_CHARS + 1, 5 * PIECE_CHARS])
def test_a_keyring_keeps_texts_of_any_length(backend: FileKeyring, length: int) -> None:
    vault = KeyringVault(backend)
    text = "".join(chr(33 + number % 90) for number in range(length))
    vault.write(KEY, text)
    assert vault.read(KEY) == text
    vault.write(KEY, text[::-1])
    assert vault.read(KEY) == text[::-1]
    vault.write(KEY, "short")
    assert len(backend.entries()) == 1, "pieces of an old text are left"
    assert vault.delete(KEY) is True
    assert backend.entries() == {}
    assert vault.delete(KEY) is False


def test_a_missing_piece_is_an_error_not_half_a_token(backend: FileKeyring) -> None:
    vault = KeyringVault(backend)
    vault.write(KEY, "x" * 3 * PIECE_CHARS)
    piece = next(name for name in backend.entries() if name.endswith(".1"))
    backend.delete_password(*piece.split("|"))
    with pytest.raises(VaultError, match="incomplete"):
        vault.read(KEY)


def test_a_keyring_that_is_locked_gives_way_to_the_file(
    backend: FileKeyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keyring.get_keyring()
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "file_keyring.BrokenKeyring")
    keyring.set_keyring(BrokenKeyring())
    try:
        store = TokenStore(tmp_path / "data")
        assert isinstance(store.save(KEY, token()), FileVault)
        assert len(store.read(KEY)) == 1
        assert any("can't be read" in why for why in store.troubles.values())
    finally:
        keyring.set_keyring(before)


def test_no_secret_is_in_a_repr() -> None:
    stored = StoredToken("oauth", Secret("access-1"), Secret("refresh-1"), client_secret=Secret("client-1"))
    assert not [secret for secret in ("access-1", "refresh-1", "client-1") if secret in repr(stored)]
    assert StoredToken.from_text(stored.to_text()) == stored


LOOK = """
import sys
from engee_kernel.account.store import TokenStore
store = TokenStore()
print([vault.name for vault in store.vaults()], store.troubles, "keyring" in sys.modules)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system itself has a keyring")
@pytest.mark.parametrize(
    ("makes", "looked_for"),
    [
        ({}, False),
        ({"DBUS_SESSION_BUS_ADDRESS": "unix:path={folder}/none"}, True),
        ({"DISPLAY": ":99"}, True),
        ({"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}, True),
        ({"XDG_RUNTIME_DIR": "{folder}/run"}, True),
        ({"XDG_RUNTIME_DIR": "{folder}/none"}, False),
        ({"XDG_CONFIG_HOME": "{folder}/config"}, True),
        ({"PYTHONPATH": "{folder}/packages"}, True),
    ],
)
def test_a_keyring_is_looked_for_where_there_may_be_one(
    tmp_path: Path, makes: dict[str, str], looked_for: bool
) -> None:
    """The package takes ten megabytes of each kernel: a server's users have nothing of it."""
    for name in ("run/bus", "config/python_keyring/keyringrc.cfg", "packages/own-1.dist-info/entry_points.txt"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    (tmp_path / "packages/own-1.dist-info/entry_points.txt").write_text(
        "[keyring.backends]\nown = somebodys.module\n", encoding="utf-8"
    )
    (tmp_path / "packages/own-1.dist-info/METADATA").write_text("Name: own\nVersion: 1\n", encoding="utf-8")
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    environment |= {name: value.format(folder=tmp_path) for name, value in makes.items()}
    done = subprocess.run(
        [sys.executable, "-c", LOOK], env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    file = str(tmp_path / ".local" / "share" / "engee-kernel" / "tokens.json")
    assert done.stdout.strip().endswith(str(looked_for)), done.stdout
    assert file in done.stdout
