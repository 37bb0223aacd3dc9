"""Debian's Julia, unpacked into a private folder: no root, no change to the system.

The suite `bullseye` is the last one with Julia. apt gets a source list, package lists, a cache and an (empty) list of
installed packages of its own: it changes nothing of the system, and does not choose versions to fit the installed ones.
apt checks the suite's signature against Debian's keyring, and each file against the signed checksums.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from rich.progress import Progress

from .failures import InstallError

SUITE = "bullseye"
LAUNCHER = Path(__file__).with_name("debian-julia.sh")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PACKAGES = (
    *("julia", "julia-common", "libjulia1", "libllvm9", "libunwind8", "libdsfmt-19937-1", "libgfortran5"),
    *("libquadmath0", "libgit2-1.1", "libhttp-parser2.9", "libmbedcrypto3", "libmbedtls12", "libmbedx509-0"),
    *("libopenlibm3", "libutf8proc2", "libffi7", "libpcre2-8-0", "libssh2-1", "libcurl3-gnutls", "libgmp10"),
    *("libmpfr6", "libblas3", "liblapack3", "libopenblas0-pthread", "libsuitesparse-dev"),
)
LISTS_LIMIT_S = 180
STALL_LIMIT_S = 60
UNPACK_LIMIT_S = 300


def unpack_debian(folder: Path, downloads: Path, progress: Progress) -> Path:
    """Raises InstallError. Whole packages of an earlier try are kept; one that was cut off is fetched again."""
    if sys.platform != "linux" or not all(map(shutil.which, ("apt-get", "dpkg"))):
        raise InstallError("this machine has no apt and dpkg")
    if not KEYRING.exists():
        raise InstallError(f"Debian's keyring {KEYRING} is not there, so nothing could be verified")
    apt = _own_apt(downloads, progress)
    packages = downloads / "packages"
    packages.mkdir(exist_ok=True)
    _download(apt, packages, progress)
    task = progress.add_task("Unpacking", total=None)
    files = sorted(packages.glob("*.deb"))
    if len(files) != len(PACKAGES):
        raise InstallError(f"{len(files)} packages arrived instead of {len(PACKAGES)}")
    for file in files:
        _run(["dpkg", "-x", str(file), str(folder)], UNPACK_LIMIT_S)
    progress.remove_task(task)
    executable = folder / "bin" / "julia"
    executable.parent.mkdir(exist_ok=True)
    shutil.copyfile(LAUNCHER, executable)
    executable.chmod(0o755)
    return executable


def mirrors() -> list[str]:
    """The addresses that this machine takes its packages from, Debian's own among them if it is a Debian."""
    listed = _run(["apt-get", "indextargets", "--format", "$(SITE)"], LISTS_LIMIT_S)
    return list(dict.fromkeys(site for site in listed.split() if "security" not in site))


def _own_apt(downloads: Path, progress: Progress) -> list[str]:
    """The apt-get command with everything of its own, its lists fetched. Raises InstallError."""
    state = {name: downloads / name for name in ("lists", "cache", "sources.list", "status")}
    (state["lists"] / "partial").mkdir(parents=True, exist_ok=True)
    (state["cache"] / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    state["status"].write_text("", encoding="utf-8")
    options = {
        "Dir::Etc::SourceList": state["sources.list"],
        "Dir::Etc::SourceParts": "/nonexistent",
        "Dir::Etc::Preferences": "/nonexistent",
        "Dir::Etc::PreferencesParts": "/nonexistent",
        "Dir::State::Lists": state["lists"],
        "Dir::State::status": state["status"],
        "Dir::Cache": state["cache"],
        "Acquire::http::Timeout": 15,
        "Acquire::https::Timeout": 15,
        "Acquire::Retries": 2,
        "Acquire::Languages": "none",
        "APT::Update::Error-Mode": "any",
        # As root, apt would work as a user who cannot enter our folder.
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-q", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    sites = mirrors()
    if not sites:
        raise InstallError("apt has no package source on this machine")
    reasons = []
    task = progress.add_task("Looking for Debian's Julia", total=None)
    for site in sites:
        source = f"deb [signed-by={KEYRING}] {site} {SUITE} main\n"
        state["sources.list"].write_text(source, encoding="utf-8")
        try:
            _run([*apt, "update"], LISTS_LIMIT_S)
        except InstallError as error:
            reasons.append(str(error))
            continue
        progress.remove_task(task)
        return apt
    raise InstallError("; ".join(reasons))


def _download(apt: list[str], packages: Path, progress: Progress) -> None:
    listed = _run([*apt, "download", "--print-uris", *PACKAGES], LISTS_LIMIT_S, packages)
    sizes = [int(size) for size in re.findall(r"^'\S+' \S+ (\d+) ", listed, re.MULTILINE)]
    task = progress.add_task("Debian's Julia", total=sum(sizes))
    log_path = packages.parent / "download.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - apt-get with options of ours
            [*apt, "download", *PACKAGES], cwd=packages, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
        have, changed_at = -1, time.monotonic()
        try:
            while process.poll() is None:
                now_have = sum(file.stat().st_size for file in packages.glob("*.deb"))
                if now_have != have:
                    have, changed_at = now_have, time.monotonic()
                    progress.update(task, completed=have)
                elif time.monotonic() - changed_at > STALL_LIMIT_S:
                    raise InstallError(f"nothing arrived for {STALL_LIMIT_S} s; the next try goes on from there")
                time.sleep(0.1)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(STALL_LIMIT_S)
    if process.returncode != 0:
        raise InstallError(_errors(log_path.read_text(encoding="utf-8", errors="replace")))
    progress.update(task, completed=sum(sizes))


def _run(command: list[str], limit_s: float, folder: Path | None = None) -> str:
    """What a program prints. Raises InstallError."""
    try:
        outcome = subprocess.run(  # noqa: S603 - apt and dpkg with options of ours
            command,
            cwd=folder,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=limit_s,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired as error:
        raise InstallError(f"{command[0]} did not end in {limit_s} s") from error
    if outcome.returncode != 0:
        raise InstallError(_errors(outcome.stderr.decode("utf-8", "replace")))
    return outcome.stdout.decode("utf-8", "replace")


def _errors(printed: str) -> str:
    lines = [line.strip() for line in printed.splitlines() if line.startswith(("E:", "Err:", "dpkg"))]
    return " ".join(lines[:4]) or printed.strip()[-300:] or "apt failed without a word"
