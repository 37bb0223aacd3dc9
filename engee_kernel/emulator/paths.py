"""Paths as Engee names them, `/user/…`, and the files on this machine that they mean."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePosixPath

MAX_LINKS = 40


class OutsideUserError(Exception):
    """The path leads out of /user."""


class UserPaths:
    """`/user` stands for `root`. Links are followed as Julia code follows them: `/user/x` in a link means `root/x`."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def resolve(self, path: str) -> Path:
        """The file or folder, which need not exist. Raises OutsideUserError, also for a path that is not absolute."""
        if not path.startswith("/") or "\0" in path:
            raise OutsideUserError(path)
        here: list[str] = []
        ahead = _reversed_parts(path)
        links_left = MAX_LINKS
        while ahead:
            part = ahead.pop()
            if part == "..":
                here = here[:-1]
                continue
            if sys.platform == "win32" and any(c in part for c in '\\:<>|"?*'):
                raise OutsideUserError(path)
            target = self._link_target([*here, part])
            if target is None:
                here.append(part)
                continue
            links_left -= 1
            if links_left < 0:
                raise OutsideUserError(path)
            if target.startswith("/"):
                here = []
            ahead += _reversed_parts(target)
        if here[:1] != ["user"]:
            raise OutsideUserError(path)
        return self.root.joinpath(*here[1:])

    def name(self, path: Path) -> str:
        """The `/user/…` path of a file under the root."""
        return str(PurePosixPath("/user", *path.relative_to(self.root).parts))

    def _link_target(self, parts: list[str]) -> str | None:
        if parts[0] != "user" or len(parts) == 1:
            return None
        path = self.root.joinpath(*parts[1:])
        if not path.is_symlink():
            return None
        target = Path(os.readlink(path))  # noqa: PTH115 - the text of the link, not a path of this machine
        # Where /user is not mounted, Julia code makes links with the folder's real path.
        if target.is_absolute() and target.is_relative_to(self.root):
            return self.name(target)
        return target.as_posix()


def _reversed_parts(path: str) -> list[str]:
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]
