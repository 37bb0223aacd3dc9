"""Transfers that convert on the way: a script arrives here as a notebook, a notebook in Engee as a script."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ..facts.errors import ScriptError, UsageError
from ..scripts.conversion import NOTEBOOK, SCRIPT
from ..scripts.files import Converted, check_targets, convert, write
from .download import download
from .local import Outgoing, UploadPlan
from .paths import clashes, some
from .remote import RemoteFiles
from .selection import DownloadPlan
from .transfer import Moved, Progress, local_error
from .upload import upload


async def download_as_notebooks(
    remote: RemoteFiles, plan: DownloadPlan, progress: Progress, *, force: bool = False
) -> list[Moved]:
    """As `download`, but scripts become notebooks; other files come as they are.

    Raises UsageError where there is no script, ScriptError, and what `download` raises.
    """
    scripts = {at for at, file in enumerate(plan.files) if file.remote.lower().endswith(SCRIPT.suffix)}
    if not scripts:
        raise UsageError(f"There is no script ({SCRIPT.suffix}) to become a notebook.", "Leave --ipynb out.")
    targets = {at: _notebook_name(plan.files[at].local) for at in scripts}
    finals = [targets.get(at, file.local) for at, file in enumerate(plan.files)]
    check_targets(finals, force=force)
    with tempfile.TemporaryDirectory(prefix="engee-kernel-") as folder:
        files = [
            # the name stays, for the bar and for what errors say
            replace(file, local=Path(folder, str(at), PurePosixPath(file.remote).name)) if at in scripts else file
            for at, file in enumerate(plan.files)
        ]
        moved = await download(remote, replace(plan, files=files), progress, force=force)
        existed = {at: targets[at].exists() for at in scripts}
        try:
            converted = [await asyncio.to_thread(convert, files[at].local, targets[at]) for at in sorted(scripts)]
        except ScriptError as error:
            if len(files) > len(scripts):
                error.hint = f"{error.hint}\nFiles that are no scripts are here; no notebook was written.".lstrip()
            raise
        await asyncio.to_thread(_write, converted, force)
    return [
        replace(one, local=targets[at], replaced=existed[at]) if at in scripts else one for at, one in enumerate(moved)
    ]


async def upload_as_scripts(
    remote: RemoteFiles, plan: UploadPlan, progress: Progress, *, keep: bool = False
) -> list[Moved]:
    """As `upload`, but notebooks become scripts; other files go as they are.

    Raises UsageError where there is no notebook, ScriptError before anything is sent, and what `upload` raises.
    """
    notebooks = {at for at, file in enumerate(plan.files) if file.local.suffix.lower() == NOTEBOOK.suffix}
    if not notebooks:
        raise UsageError(f"There is no notebook ({NOTEBOOK.suffix}) to become a script.", "Leave --ngscript out.")
    with tempfile.TemporaryDirectory(prefix="engee-kernel-") as folder:
        files = list(plan.files)
        for at in notebooks:
            file = files[at]
            here = Path(folder, str(at), file.local.with_suffix(SCRIPT.suffix).name)
            converted = await asyncio.to_thread(convert, file.local, here)
            await asyncio.to_thread(_write, [converted], False)
            target = str(PurePosixPath(file.target).with_suffix(SCRIPT.suffix))
            files[at] = Outgoing(here, target, len(converted.content))
        if twice := clashes(file.target for file in files):
            raise UsageError(f"Several files would get the same remote name: {some(twice)}.", "Upload them one by one.")
        moved = await upload(remote, replace(plan, files=files), progress, keep=keep)
    return [replace(one, local=plan.files[at].local) for at, one in enumerate(moved)]


def _notebook_name(path: Path) -> Path:
    """Raises UsageError."""
    suffix = path.suffix.lower()
    if suffix not in (SCRIPT.suffix, NOTEBOOK.suffix):
        raise UsageError(
            f"“{path.name}” is no name for a notebook.", f"Expected: one that ends with {NOTEBOOK.suffix}."
        )
    return path.with_suffix(NOTEBOOK.suffix) if suffix == SCRIPT.suffix else path


def _write(converted: Sequence[Converted], force: bool) -> None:
    for one in converted:
        try:
            one.target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise local_error(error, one.target.parent, "Making the folder") from error
        write(one, force=force)
