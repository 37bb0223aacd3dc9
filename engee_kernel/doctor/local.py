"""This machine: the interpreter, the packages, what Jupyter and VS Code will find."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager

from ..facts.version import __version__
from ..jupyter.kernelspec import SPEC_FILE, is_ours
from .findings import Finding, fail, ok, warn

START_BOUND_S = 30.0
SUBSTITUTED = ("python", f"python{sys.version_info[0]}", f"python{sys.version_info[0]}.{sys.version_info[1]}")
"""What jupyter_client replaces by its own interpreter's path."""
PARTS = ("httpx", "ipykernel", "jupyter_client", "keyring")
FRONT_ENDS = ("jupyterlab", "notebook", "nbclassic", "jupyter-console", "nbclient", "papermill")


def check() -> Iterator[Finding]:
    yield ok("interpreter", f"Python {platform.python_version()}, {sys.executable} ({platform.platform(terse=True)})")
    versions = ", ".join(f"{name} {version}" for name in PARTS if (version := _version(name)))
    yield ok("versions", f"engee-kernel {__version__}, {versions}")
    yield from kernelspecs()
    yield front_ends()


def kernelspecs() -> Iterator[Finding]:
    """Each kernelspec of ours that Jupyter finds, and whether the Python that it names can run the kernel."""
    ours = [
        (name, Path(folder))
        for name, folder in sorted(KernelSpecManager().find_kernel_specs().items())
        if is_ours(Path(folder))
    ]
    if not ours:
        yield fail("kernelspec", "Jupyter and VS Code do not know this kernel yet.", "Run: engee-kernel install")
    for name, folder in ours:
        yield _kernelspec(name, folder)


def _kernelspec(name: str, folder: Path) -> Finding:
    check = f"kernelspec {name}"
    program = json.loads((folder / SPEC_FILE).read_text(encoding="utf-8"))["argv"][0]
    if program in SUBSTITUTED:
        return _of_any_python(check, folder, program)
    again = f"Write it anew: engee-kernel install{'' if name == 'engee' else f' --name {name}'}"
    found = shutil.which(program)
    if found is None:
        return fail(check, f"{folder} starts “{program}”, which does not exist.", again)
    version = _version_of(found)
    if version is None:
        return fail(check, f"{folder} starts {found}, which has no working engee_kernel.", again)
    if version != __version__:
        return warn(check, f"{folder} starts {found} with engee-kernel {version}, this one is {__version__}.", again)
    if not Path(program).is_absolute():
        return warn(
            check,
            f"{folder} starts “{program}” without its full path: another environment's Python may be taken.",
            "For every Jupyter and VS Code on this machine: engee-kernel install",
        )
    return ok(check, f"{folder} starts {found}")


def _of_any_python(check: str, folder: Path, program: str) -> Finding:
    """A kernelspec as the package brings it: Jupyter puts its own interpreter in the place of such a name."""
    if folder.resolve().is_relative_to(Path(sys.prefix).resolve()):
        return ok(check, f"{folder} starts the Python of this environment, {sys.executable}")
    return warn(
        check,
        f"{folder} starts the Python of whichever Jupyter finds it (it says “{program}”); another environment's "
        "may have no engee_kernel.",
        "For every Jupyter and VS Code on this machine: engee-kernel install",
    )


def _version_of(program: str) -> str | None:
    command = [program, "-c", "import engee_kernel.jupyter.kernel; print(engee_kernel.__version__)"]
    try:
        done = subprocess.run(  # noqa: S603 - what Jupyter would start
            command, capture_output=True, timeout=START_BOUND_S, check=False, encoding="utf-8", errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def front_ends() -> Finding:
    found = [f"{name} {version}" for name in FRONT_ENDS if (version := _version(name))]
    found += [f"VS Code ({path})" for name in ("code", "codium") if (path := shutil.which(name))]
    if found:
        return ok("front ends", ", ".join(found))
    return warn(
        "front ends",
        "Neither JupyterLab nor another front end is in this Python environment, nor VS Code on the PATH.",
        "Install one, e.g. pip install jupyterlab, unless yours is elsewhere.",
    )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
