"""A person's profile of the test's own, commands run in it, and a consent page clicked by a real HTTP client."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from engee_kernel.emulator.process import LocalEngee

HERE = Path(__file__).parent
PROGRAM = "import sys; from engee_kernel.cli import main; sys.exit(main())"
LIMIT_S = 60
NULL_KEYRING = "keyring.backends.null.Keyring"


@dataclass
class Profile:
    """Where a person keeps their things. What its commands said is searched for the secrets in the end."""

    folder: Path
    environment: dict[str, str]
    secrets: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def token_file(self) -> Path:
        return self.folder / "tokens.json"

    @property
    def keyring_file(self) -> Path:
        return self.folder.with_name("keyring.json")

    def at(self, engee: LocalEngee) -> Profile:
        """Whose Engee is this one."""
        self.environment["ENGEE_URL"] = engee.url
        self.secrets += [engee.token, engee.client_secret]
        return self

    def keyring(self, name: str) -> None:
        """One of `file_keyring`, or keyring's own."""
        full = name if "." in name else f"file_keyring.{name}"
        self.environment["PYTHON_KEYRING_BACKEND"] = full
        self.environment["TEST_KEYRING_FILE"] = str(self.keyring_file)
        self.environment["PYTHONPATH"] = str(HERE)

    def run(self, *words: str, text: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """`engee-kernel WORDS`, with `text` typed in."""
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *words],
            input=text,
            env=self.environment | variables,
            capture_output=True,
            timeout=LIMIT_S,
            encoding="utf-8",
            errors="backslashreplace",
            check=False,
        )
        self.said += [done.stdout, done.stderr, *words]
        return done

    def begin(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words],
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="backslashreplace",
        )

    def log_in(self, token: str) -> None:
        self.secrets.append(token)
        done = self.run("login", "--token-stdin", text=token + "\n")
        assert done.returncode == 0, done.stderr


@pytest.fixture
def profile(tmp_path: Path) -> Iterator[Profile]:
    """A profile without tokens and without a keyring; ends with a search of all that was said for its secrets."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("ENGEE_", "JUPYTER_")) and "PROXY" not in name.upper()
    }
    folder = tmp_path / "profile"
    environment = {
        "ENGEE_DATA_FOLDER": str(folder),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "jupyter"),
        "PYTHON_KEYRING_BACKEND": NULL_KEYRING,
        "PYTHONUTF8": "1",
        "COLUMNS": "200",
    }
    made = Profile(folder, kept | environment)
    yield made
    for text in made.said:
        for secret in made.secrets:
            assert secret not in text


def consent(address: str, answer: str = "allow") -> str:
    """Open the consent page and press a button. The address that the browser is sent to."""
    with httpx.Client(trust_env=False, timeout=LIMIT_S) as browser:
        page = browser.get(address)
        assert page.status_code == 200, page.text
        form = re.search(r'<form method="post" action="([^"]+)"', page.text)
        ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)
        assert form and ticket
        back = browser.post(httpx.URL(address).join(form[1]), data={"ticket": ticket[1], "answer": answer})
        assert back.status_code == 302, back.text
        return str(back.headers["location"])


def click(address: str, answer: str = "allow") -> str:
    """Give consent and follow the way back. The last page's text."""
    return httpx.get(consent(address, answer), trust_env=False, timeout=LIMIT_S).text


def address_in(process: subprocess.Popen[str]) -> str:
    """The address that `login --oauth --no-browser` prints."""
    assert process.stderr is not None
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        line = process.stderr.readline()
        if line.startswith("http"):
            return line.strip()
        assert line, "it ended without an address"
    raise AssertionError("no address")


def oauth_variables(engee: LocalEngee) -> dict[str, str]:
    return {"ENGEE_OAUTH_CLIENT_ID": engee.client_id, "ENGEE_OAUTH_CLIENT_SECRET": engee.client_secret}
