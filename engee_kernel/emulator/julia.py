"""Which Julia the local Engee runs: the named one, the one on PATH, or the one that `--install-julia` fetched."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

ENVIRONMENT_NAME = "ENGEE_JULIA"
RECORD_NAME = "installed.json"


class JuliaNotFoundError(Exception):
    """No Julia to run; the message says what to do."""


@dataclass(frozen=True)
class Julia:
    """A Julia that can be started: its executable and what its environment needs on top of ours."""

    executable: Path
    library_paths: tuple[Path, ...] = field(default=())

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        variables = dict(inherited)
        if self.library_paths:
            own = os.pathsep.join(map(str, self.library_paths))
            before = variables.get("LD_LIBRARY_PATH")
            variables["LD_LIBRARY_PATH"] = f"{own}{os.pathsep}{before}" if before else own
        return variables


def cache_folder() -> Path:
    return Path(platformdirs.user_cache_dir("engee-kernel", appauthor=False)) / "julia"


def record_installed(folder: Path, executable: Path, library_paths: tuple[Path, ...] = ()) -> None:
    """Mark an unpacked Julia as whole. Paths are kept relative to the folder: it is renamed into place afterwards."""
    record = {
        "executable": executable.relative_to(folder).as_posix(),
        "library_paths": [path.relative_to(folder).as_posix() for path in library_paths],
    }
    (folder / RECORD_NAME).write_text(json.dumps(record, indent=1), encoding="utf-8")


def installed_julia(cache: Path) -> Julia | None:
    """The Julia in our own cache; the official build is preferred to the older one of Debian."""
    for name in ("official", "debian"):
        folder = cache / name
        try:
            record = json.loads((folder / RECORD_NAME).read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        paths = tuple(folder / path for path in record["library_paths"])
        return Julia(folder / record["executable"], paths)
    return None


def find_julia(
    explicit: str | None = None, environ: Mapping[str, str] = os.environ, cache: Path | None = None
) -> Julia:
    """Raises JuliaNotFoundError. A Julia that was named but cannot be run is an error, never passed over."""
    for named, source in ((explicit, "--julia"), (environ.get(ENVIRONMENT_NAME), ENVIRONMENT_NAME)):
        if named:
            found = shutil.which(named, path=environ.get("PATH"))
            if found is None:
                raise JuliaNotFoundError(f"{source} names {named!r}, which is not a program that can be run.")
            return Julia(Path(found).absolute())
    on_path = shutil.which("julia", path=environ.get("PATH"))
    if on_path is not None:
        return Julia(Path(on_path).absolute())
    cached = installed_julia(cache or cache_folder())
    if cached is not None:
        return cached
    raise JuliaNotFoundError(
        "No Julia was found. Get one with\n"
        "    python -m engee_kernel.emulator --install-julia\n"
        f"or name yours with --julia PATH or the environment variable {ENVIRONMENT_NAME}."
    )
