"""How Julia code comes to see a folder of this machine as `/user`, as it does in Engee.

On Linux by a private mount namespace (see namespace.sh), with or without root. Elsewhere, and where namespaces are
switched off, Julia starts in the folder and finds its path in ENGEE_USER_DIR, but absolute `/user/…` paths in Julia
code do not lead there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("namespace.sh")
PROBE_LIMIT_S = 20


@dataclass(frozen=True)
class UserFolder:
    """A folder on this machine and the command prefix, if any, that makes it `/user` for a program."""

    path: Path
    prefix: tuple[str, ...]

    @property
    def is_mounted(self) -> bool:
        return bool(self.prefix)

    @property
    def path_in_julia(self) -> str:
        return "/user" if self.is_mounted else str(self.path)


def mounted_user_folder(path: Path, new_root: Path) -> UserFolder:
    """The folder with the first way of mounting that works here, else with none. `new_root` is an empty folder."""
    path = path.resolve()
    for unshare in _unshare_commands():
        prefix = (*unshare, "/bin/sh", str(SCRIPT), str(new_root), str(path))
        try:
            probe = subprocess.run(  # noqa: S603 - our own script and folders
                [*prefix, "test", "-d", "/user"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PROBE_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            continue
        if probe.returncode == 0:
            return UserFolder(path, prefix)
    return UserFolder(path, ())


def _unshare_commands() -> list[tuple[str, ...]]:
    unshare = shutil.which("unshare") if sys.platform == "linux" else None
    if unshare is None:
        return []
    without_root = (unshare, "--user", "--map-root-user", "--mount")
    if os.geteuid() == 0:
        return [(unshare, "--mount", "--propagation", "private"), without_root]
    return [without_root]
