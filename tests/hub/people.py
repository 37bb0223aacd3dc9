"""Two people of a machine: users of their own where root may make them, else folders of one user."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from engee_kernel.emulator.process import LocalEngee

from .environments import SERVER, python_of

LIMIT_S = 60


@dataclass(frozen=True)
class Person:
    """`uid` is None where all are one user. `engee` is the person's account."""

    name: str
    home: Path
    uid: int | None
    engee: LocalEngee

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """A program as this user, at home."""
        identity: dict[str, Any] = {}
        if self.uid is not None:
            import pwd  # noqa: PLC0415 - POSIX only

            identity = {"user": self.uid, "group": pwd.getpwuid(self.uid).pw_gid, "extra_groups": []}
        return subprocess.run(
            [str(word) for word in command],
            cwd=self.home,
            env={"HOME": str(self.home), "PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=LIMIT_S,
            check=False,
            **identity,
        )

    @property
    def token_file(self) -> Path:
        return self.home / ".local" / "share" / "engee-kernel" / "tokens.json"


@contextmanager
def people(folder: Path, engees: list[LocalEngee]) -> Iterator[list[Person]]:
    """One for each account, with homes in `folder`, which every user may enter."""
    made: list[Person] = []
    try:
        for letter, engee in zip("ab", engees, strict=True):
            name = f"engee-{secrets.token_hex(4)}-{letter}"
            made.append(Person(name, folder / name, _new_user(name, folder / name), engee))
        if any(person.uid is not None and _can_not_start(person) for person in made):
            for person in made:
                _remove(person)
            made = [Person(person.name, person.home, None, person.engee) for person in made]
        for person in made:
            person.home.mkdir(exist_ok=True)
        yield made
    finally:
        for person in made:
            _remove(person)


def _new_user(name: str, home: Path) -> int | None:
    """Its number; None where this test may make no users."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("useradd") is None:
        return None
    subprocess.run(["useradd", "--create-home", "--home-dir", home, "--user-group", name], check=True)
    import pwd  # noqa: PLC0415 - POSIX only

    return pwd.getpwnam(name).pw_uid


def _can_not_start(person: Person) -> bool:
    """Whether this user can't start what is installed for all, as where the checkout is in another's home."""
    return person.run(python_of(SERVER), "-c", "import engee_kernel.jupyter.kernel").returncode != 0


def _remove(person: Person) -> None:
    if person.uid is not None:
        left = [one for one in psutil.process_iter(["uids"]) if person.uid in (one.info["uids"] or ())]
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=10)
        subprocess.run(["userdel", person.name], check=True)
    shutil.rmtree(person.home, ignore_errors=True)
