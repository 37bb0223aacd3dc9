"""Which Julia the local Engee runs: the named one, the one on PATH, or the one that `--install-julia` fetched."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import platformdirs

ENVIRONMENT_NAME = "ENGEE_JULIA"
RECORD_NAME = "installed.json"


class JuliaNotFoundError(Exception):
    """No Julia to run; the message says what to do."""


def cache_folder() -> Path:
    return Path(platformdirs.user_cache_dir("engee-kernel", appauthor=False)) / "julia"


def record_installed(folder: Path, executable: Path) -> None:
    """Mark an unpacked Julia as whole. The path is kept relative to the folder: it is renamed into place afterwards."""
    record = {"executable": executable.relative_to(folder).as_posix()}
    (folder / RECORD_NAME).write_text(json.dumps(record), encoding="utf-8")


def installed_julia(cache: Path) -> Path | None:
    """The Julia in our own cache; the official build is preferred to the older one of Debian."""
    for name in ("official", "debian"):
        try:
            record = json.loads((cache / name / RECORD_NAME).read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        return Path(cache / name / record["executable"])
    return None


def find_julia(explicit: str | None = None, environ: Mapping[str, str] = os.environ, cache: Path | None = None) -> Path:
    """Raises JuliaNotFoundError, also where a Julia that was named cannot be run: it is never passed over."""
    for named, source in ((explicit, "--julia"), (environ.get(ENVIRONMENT_NAME), ENVIRONMENT_NAME)):
        if named:
            found = shutil.which(named, path=environ.get("PATH"))
            if found is None:
                raise JuliaNotFoundError(f"{source} names {named!r}, which is not a program that can be run.")
            return Path(found).absolute()
    on_path = shutil.which("julia", path=environ.get("PATH"))
    if on_path is not None:
        return Path(on_path).absolute()
    cached = installed_julia(cache or cache_folder())
    if cached is not None:
        return cached
    raise JuliaNotFoundError(
        "No Julia was found. Get one with\n"
        "    python -m engee_kernel.emulator --install-julia\n"
        f"or name yours with --julia PATH or the environment variable {ENVIRONMENT_NAME}."
    )
