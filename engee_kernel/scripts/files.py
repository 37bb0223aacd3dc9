"""Scripts and notebooks as files of this computer. A target is written whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..facts.errors import ScriptError, UsageError
from .conversion import NOTEBOOK, SCRIPT, to_notebook, to_script

CONVERSIONS: dict[str, tuple[str, Callable[[str, str], str]]] = {
    SCRIPT.suffix: (NOTEBOOK.suffix, to_notebook),
    NOTEBOOK.suffix: (SCRIPT.suffix, to_script),
}
"""By the source's suffix: the target's, and what makes it."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What a source became. Nothing is written yet."""

    source: Path
    target: Path
    content: bytes


def convert(source: Path, target: Path) -> Converted:
    """Raises ScriptError, UsageError."""
    _, conversion = CONVERSIONS[known_suffix(source)]
    return Converted(source, target, conversion(_read(source), source.name).encode())


def known_suffix(path: Path) -> str:
    """Raises UsageError for a file that is neither a script nor a notebook by its name."""
    suffix = path.suffix.lower()
    if suffix not in CONVERSIONS:
        raise UsageError(
            f"“{path.name}” is neither a script nor a notebook by its name.",
            f"Expected: a name that ends with {SCRIPT.suffix} or {NOTEBOOK.suffix}.",
        )
    return suffix


def target_of(source: Path, to: Path | None = None) -> Path:
    """The file beside the source; in the folder `to`; or `to` itself. Raises UsageError."""
    suffix, _ = CONVERSIONS[known_suffix(source)]
    if to is None or to.is_dir():
        return (source if to is None else to / source.name).with_suffix(suffix)
    if to.suffix.lower() != suffix:
        raise UsageError(f"“{source.name}” becomes a file whose name ends with {suffix}; “{to.name}” does not.")
    return to


def check_targets(targets: Sequence[Path], *, force: bool) -> None:
    """Raises UsageError where one exists (unless `force`), or two are the same."""
    resolved = [target.resolve() for target in targets]
    if twice := {str(path) for path in resolved if resolved.count(path) > 1}:
        raise UsageError(f"Several files would become {min(twice)}. Nothing was written.", "Convert them one by one.")
    existing = [target for target in targets if os.path.lexists(target)]
    folders = [target for target in existing if target.is_dir()]
    if folders:
        raise UsageError(f"“{folders[0]}” is a folder. Nothing was written.")
    if existing and not force:
        raise UsageError(f"“{existing[0]}” exists. Nothing was written.", "Replace it with --force, or name another.")


def write(converted: Converted, *, force: bool) -> None:
    """Raises ScriptError where the target can't be written: then it is as it was. UsageError where it exists."""
    target = converted.target.resolve() if force else converted.target
    part = target.with_name(f".engee-kernel-{secrets.token_hex(6)}.part")
    try:
        part.write_bytes(converted.content)
        if force:
            with suppress(FileNotFoundError):
                shutil.copymode(target, part)
            part.replace(target)
        else:
            _rename_to_new(part, target)
    except FileExistsError as error:
        raise UsageError(f"“{target}” exists. It was left as it is.", "Replace it with --force.") from error
    except OSError as error:
        raise ScriptError(f"“{target}” can't be written: {error.strerror or error}. It is as it was.") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _rename_to_new(part: Path, target: Path) -> None:
    """Raises FileExistsError where somebody made the target meanwhile."""
    if os.name == "nt":
        part.rename(target)  # refuses by itself
        return
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:
        # a file system without hard links
        with target.open("xb") as file:
            file.write(part.read_bytes())


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {path}.", f"Relative names are looked for in {Path.cwd()}") from error
    except UnicodeDecodeError as error:
        raise ScriptError(
            f"{path.name} is not in UTF-8: byte {error.start} does not fit.", "Expected: a script or notebook."
        ) from error
    except OSError as error:
        raise ScriptError(f"{path} can't be read: {error.strerror or error}.") from error
