"""Which files of a folder are not sent: git's own, editors' leftovers, and what .gitignore and .engeeignore name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..facts.errors import TransferError

NEVER = ".git"
GITIGNORE, ENGEEIGNORE = ".gitignore", ".engeeignore"
LEFTOVERS = (
    "*~",
    ".*.sw[a-p]",
    ".#*",
    "4913",
    ".DS_Store",
    "._*",
    "Thumbs.db",
    "desktop.ini",
    ".ipynb_checkpoints/",
    ".engee-kernel-*.part",
)
"""Of editors and file managers; a rule with ! in .engeeignore or .gitignore lets one through."""


@dataclass(frozen=True)
class _Rules:
    """A file of rules; `base` is the folder it is in, "" or ending with a slash, below the top."""

    base: str
    spec: Any

    def verdict(self, path: str) -> bool | None:
        """True: not to be sent; False: to be sent in spite of other rules; None: not named here."""
        if not path.startswith(self.base):
            return None
        found: bool | None = self.spec.check_file(path[len(self.base) :]).include
        return found


class Exclusions:
    """For one walk through `root`. Rules of git's repository around it hold as well, as in git."""

    def __init__(self, root: Path) -> None:
        top = next((place for place in (root, *root.parents) if (place / NEVER).exists()), root)
        self._prefix = f"{root.relative_to(top).as_posix()}/" if root != top else ""
        self._rules = [_Rules("", _spec(LEFTOVERS))]
        above = [place for place in (root, *root.parents) if place.is_relative_to(top)]
        for place in reversed(above[1:]):
            self._add(place / GITIGNORE, f"{place.relative_to(top).as_posix()}/" if place != top else "")
        own = root / ENGEEIGNORE
        self._last = [_Rules(self._prefix, _spec(_lines(own)))] if own.is_file() else []

    def enter(self, folder: Path, relative: str) -> None:
        """Called for each folder before what is in it; `relative` to the root, "" for itself."""
        self._add(folder / GITIGNORE, f"{self._prefix}{relative}/" if relative else self._prefix)

    def excludes(self, relative: str, *, is_folder: bool) -> bool:
        """Whether a file or folder, its path relative to the root, is left out; of a folder with all that is in it."""
        if relative.rpartition("/")[2] == NEVER:
            return True
        path = f"{self._prefix}{relative}{'/' if is_folder else ''}"
        for rules in (*self._last, *reversed(self._rules)):
            verdict = rules.verdict(path)
            if verdict is not None:
                return verdict
        return False

    def _add(self, file: Path, base: str) -> None:
        if file.is_file():
            self._rules.append(_Rules(base, _spec(_lines(file))))


def _lines(file: Path) -> list[str]:
    """Raises TransferError: without its rules too much would be sent."""
    try:
        return file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise TransferError(f"{file} can't be read: {error.strerror or error}.", "Nothing was sent.") from error


def _spec(lines: list[str] | tuple[str, ...]) -> Any:
    """Raises TransferError for a rule that is none."""
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - for those who synchronise only

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise TransferError(
            f"A line of {GITIGNORE} or {ENGEEIGNORE} is no valid rule: {error}.", "Correct it."
        ) from error
