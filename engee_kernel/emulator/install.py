"""`--install-julia`: a Julia of our own in the user's cache, without root, where the machine has none.

The official build is preferred; where it can't be had, Debian's packages are unpacked into a folder of ours.
Either way Julia is unpacked beside its place and renamed into it at the end, so a half-made one never counts, and a
download that was cut off goes on with what it has.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from .debian import unpack_debian
from .failures import InstallError
from .julia import cache_folder, installed_julia, record_installed
from .official import unpack_official

LOCK_LIMIT_S = 900
CHECK_LIMIT_S = 120

# Gets Julia into an empty folder. Arguments: the folder, a folder for downloads that outlives a failure, the progress
# bar. Returns the program, which must run by its path alone. Raises InstallError.
Unpacker = Callable[[Path, Path, Progress], Path]


WAYS: tuple[tuple[str, str, Unpacker], ...] = (
    ("official", "the official build", unpack_official),
    ("debian", "Debian's packages", unpack_debian),
)


def install_julia(console: Console, cache: Path | None = None) -> Path:
    """The Julia in the cache, which is filled first if need be. Raises InstallError."""
    cache = cache or cache_folder()
    present = installed_julia(cache)
    if present is not None:
        return present
    cache.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(cache / "install.lock", timeout=LOCK_LIMIT_S):
            return installed_julia(cache) or _install(console, cache)
    except Timeout as error:
        raise InstallError(f"Another program has been installing Julia for {LOCK_LIMIT_S / 60:.0f} minutes.") from error


def _install(console: Console, cache: Path) -> Path:
    reasons = []
    for name, title, unpack in WAYS:
        try:
            put_in_place(cache, name, unpack, console)
        except InstallError as error:
            reasons.append(f"{title}: {error}")
            console.print(f"Julia can't be installed from {title}: {error}", soft_wrap=True, highlight=False)
            continue
        installed = installed_julia(cache)
        if installed is not None:
            return installed
    raise InstallError(
        "Julia could not be installed.\n  - "
        + "\n  - ".join(reasons)
        + "\nInstall Julia yourself (https://julialang.org/install) and name it with --julia PATH or ENGEE_JULIA."
    )


def put_in_place(cache: Path, name: str, unpack: Unpacker, console: Console) -> None:
    """Fill `cache/name`, all or nothing. Raises InstallError."""
    downloads = cache / f"{name}.download"
    downloads.mkdir(exist_ok=True)
    unpacking = Path(tempfile.mkdtemp(prefix=f"{name}.unpacking-", dir=cache))
    try:
        with _progress(console) as progress:
            executable = unpack(unpacking, downloads, progress)
        _check(executable)
        record_installed(unpacking, executable)
        target = cache / name
        if target.exists():  # without its record: not one of ours that is whole
            shutil.rmtree(target)
        unpacking.rename(target)
    except OSError as error:
        raise InstallError(f"{error.strerror or error} ({error.filename})") from error
    finally:
        shutil.rmtree(unpacking, ignore_errors=True)
    shutil.rmtree(downloads, ignore_errors=True)


def _check(executable: Path) -> None:
    """Run it once: what does not run is not installed."""
    try:
        outcome = subprocess.run(  # noqa: S603 - what was just unpacked
            [str(executable), "--startup-file=no", "-e", "print(1 + 1)"],
            capture_output=True,
            timeout=CHECK_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallError(f"The unpacked Julia does not run: {error}") from error
    if outcome.returncode != 0 or outcome.stdout != b"2":
        raise InstallError(f"The unpacked Julia does not run: {outcome.stderr.decode('utf-8', 'replace')[-500:]}")


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
