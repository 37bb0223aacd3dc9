"""The entry that Jupyter's launchers show: where it is kept, put there and taken away again.

Installing the package already brings a kernelspec for the Jupyter of the same environment. The ones
made here name this Python by its full path, so that a Jupyter or VS Code elsewhere can start it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager

from ..facts.errors import EngeeError, UsageError

KERNEL_NAME = "engee"
SPEC_FILE = "kernel.json"

_VALID_NAME = re.compile(r"[a-z0-9._-]+", re.IGNORECASE)
_SECRET_WORDS = frozenset({"token", "secret", "password", "passphrase"})


def source_folder() -> Path:
    """kernel.json and the logos: inside an installed package, beside it in a checkout."""
    package = Path(__file__).parent.parent
    packaged = package / "data" / "kernelspec"
    return packaged if packaged.is_dir() else package.parent / "kernelspec"


def kernels_folder(prefix: Path | None) -> Path:
    """Where kernelspecs are kept below `prefix`; None means the person's own Jupyter folder."""
    if prefix is None:
        return Path(KernelSpecManager().user_kernel_dir)
    return prefix.absolute() / "share" / "jupyter" / "kernels"


def install(
    prefix: Path | None,
    name: str = KERNEL_NAME,
    display_name: str = "",
    environment: Mapping[str, str] | None = None,
) -> Path:
    """Write the kernelspec, over an older one of ours, and return its folder.

    Raises UsageError for a name or variable that can't be taken, EngeeError when writing fails.
    """
    _check_name(name)
    for variable, value in (environment or {}).items():
        _check_variable(variable, value)
    folder = kernels_folder(prefix) / name.lower()
    if folder.exists() and not is_ours(folder):
        raise UsageError(
            f"“{name}” is the name of another kernel, in {folder}.", "Choose another one with --name, e.g. engee-2."
        )
    manager = KernelSpecManager(kernel_dirs=[str(folder.parent)])
    with tempfile.TemporaryDirectory(prefix="engee-kernelspec-") as temporary:
        staged = Path(temporary, name)
        shutil.copytree(source_folder(), staged)
        spec = json.loads((staged / SPEC_FILE).read_text(encoding="utf-8"))
        spec["argv"][0] = sys.executable
        if display_name or name != KERNEL_NAME:
            spec["display_name"] = display_name or f"{spec['display_name']} – {name}"
        if environment:
            spec["env"] = dict(environment)
        text = json.dumps(spec, indent=1, ensure_ascii=False) + "\n"
        (staged / SPEC_FILE).write_text(text, encoding="utf-8")
        try:
            installed = manager.install_kernel_spec(
                str(staged), name, user=prefix is None, prefix=None if prefix is None else str(prefix)
            )
        except OSError as error:
            raise EngeeError(
                f"The kernelspec can't be written to {folder}: {error.strerror or error}.",
                "Choose a folder that you may write to: engee-kernel install --user",
            ) from error
    return Path(installed)


def uninstall(prefix: Path | None, name: str = KERNEL_NAME) -> Path:
    """Remove the kernelspec and return the folder that is gone.

    Raises UsageError if there is none or it is another kernel's, EngeeError when removing fails.
    """
    _check_name(name)
    folder = kernels_folder(prefix) / name.lower()
    if not folder.exists():
        elsewhere = KernelSpecManager().find_kernel_specs().get(name.lower())
        hint = f"Jupyter finds one in {elsewhere}: name its place (engee-kernel uninstall --help)." if elsewhere else ""
        raise UsageError(f"There is no kernelspec “{name}” in {folder.parent}.", hint)
    if not is_ours(folder):
        raise UsageError(f"“{name}” in {folder} is another kernel's: it was left alone.")
    manager = KernelSpecManager(kernel_dirs=[str(folder.parent)])
    try:
        return Path(manager.remove_kernel_spec(name.lower()))
    except OSError as error:
        raise EngeeError(f"The kernelspec in {folder} can't be removed: {error.strerror or error}.") from error


def found_by_jupyter(name: str) -> Path | None:
    """The folder from which the Jupyter of this environment takes the kernel of this name."""
    found = KernelSpecManager().find_kernel_specs().get(name.lower())
    return Path(found) if found else None


def closed_to_others(*paths: Path) -> list[Path]:
    """What keeps other users of this machine from these files: folders that they may not enter, files not to read.

    A link and what it leads to count both. Nothing on Windows, where a mode does not say it.
    """
    if sys.platform == "win32":
        return []
    closed: list[Path] = []
    for path in dict.fromkeys(way for one in paths for way in (one.absolute(), one.resolve())):
        for place in (*reversed(path.parents), path):
            try:
                mode = place.stat().st_mode
            except OSError:
                continue  # made away with meanwhile
            if not mode & (0o001 if stat.S_ISDIR(mode) else 0o004):
                closed.append(place)
                break  # what is below it does not matter
    return list(dict.fromkeys(closed))


def needed_to_start() -> tuple[Path, ...]:
    """What a kernel's process reads first: the interpreter, Python's own modules, this package."""
    return Path(sys.executable), Path(os.__file__).parent, Path(__file__).parent


def is_ours(folder: Path) -> bool:
    """Whether the kernelspec in `folder` starts this kernel."""
    try:
        spec = json.loads((folder / SPEC_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(spec, dict) and "engee_kernel" in spec.get("argv", ())


def is_secret_name(variable: str) -> bool:
    """Whether a variable of this name holds what must not be written into a file that anyone may read."""
    return not _SECRET_WORDS.isdisjoint(re.split(r"[^a-z]+", variable.lower()))


def _check_name(name: str) -> None:
    if not _VALID_NAME.fullmatch(name):
        raise UsageError(
            f"“{name}” can't be a kernel's name.", "Use Latin letters, digits, and the signs - . _ without spaces."
        )


def _check_variable(variable: str, value: str) -> None:
    if is_secret_name(variable):
        raise UsageError(
            f"{variable} was not written: a kernelspec is a plain file that others can read and copy.",
            f"Set {variable} in the environment from which you start Jupyter or VS Code.",
        )
    if not variable or "\0" in value:
        raise UsageError("--env takes a variable's name and its value.", "Example: --env ENGEE_MODE=plain")
    if variable.upper().startswith("ENGEE_"):
        from ..household.settings import EngeeSettings, environment_variable  # noqa: PLC0415 - it brings the HTTP client along

        for setting in EngeeSettings.names():
            if variable.upper() == environment_variable(setting):
                EngeeSettings().set_from_text(setting, value, f"--env {variable}")
