"""Downloads: written beside their targets under another name, compared, then renamed over them.

A download that fails or is interrupted leaves no part of a file, and no folder that it made for one.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ..disk import replacing
from ..facts.errors import EngeeError, NotFoundError, TransferError, UnexpectedReplyError, UsageError
from ..facts.text import size
from . import archive
from .paths import batches, composed, first_existing, some
from .remote import Digest, RemoteFiles
from .selection import DownloadPlan, Incoming
from .transfer import (
    BATCH_BYTES,
    BATCH_FILES,
    ChecksumError,
    Moved,
    Progress,
    Tally,
    compare,
    local_error,
    persistently,
    to_the_end,
    with_done,
)

WRITE_BYTES = 1 << 20
ZIP_ROOM_BYTES = 2**20


class PartFile:
    """A file on its way in, beside its target. Whatever ends it, `discard` is harmless.

    `write` takes chunks as they come and hands them to a thread in pieces of a MiB, one at a time:
    while one is hashed and written the next is collected, and memory stays flat.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f".engee-kernel-{secrets.token_hex(6)}.part")
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self._collected: list[bytes] = []
        self._collected_bytes = 0
        self._writing: asyncio.Task[None] | None = None
        self.size_bytes = 0

    async def write(self, chunk: bytes) -> None:
        self._collected.append(chunk)
        self._collected_bytes += len(chunk)
        if self._collected_bytes >= WRITE_BYTES:
            await self._hand_over()

    async def finish(self) -> Digest:
        """Everything is on its way to the disk; what arrived."""
        await self._hand_over()
        await self._wait()
        await asyncio.to_thread(self.close)
        return self.digest

    @property
    def digest(self) -> Digest:
        return Digest(self._hash.hexdigest(), self.size_bytes)

    async def _hand_over(self) -> None:
        await self._wait()
        pieces, self._collected, self._collected_bytes = self._collected, [], 0
        self._writing = asyncio.create_task(asyncio.to_thread(self.put, *pieces))

    async def _wait(self) -> None:
        if self._writing is not None:
            writing, self._writing = self._writing, None
            await writing

    def put(self, *pieces: bytes) -> None:
        """The work of a thread. Raises TransferError."""
        try:
            if self._file is None:
                self._file = self.path.open("xb")
            self._file.writelines(pieces)
        except OSError as error:
            raise local_error(error, self.target, "Writing") from error
        for piece in pieces:
            self._hash.update(piece)
            self.size_bytes += len(piece)

    def close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            try:
                file.close()
            except OSError as error:
                raise local_error(error, self.target, "Writing") from error

    def replace(self) -> None:
        """The target becomes what arrived, at once."""
        try:
            mode = stat.S_IMODE(self.target.stat().st_mode) if self.target.is_file() else None
            if mode is not None:
                # writable until it is in place: Windows neither removes nor replaces what is not
                self.path.chmod(mode | stat.S_IWRITE)
            replacing.replace(self.path, self.target)
            if mode is not None and not mode & stat.S_IWRITE:
                self.target.chmod(mode)
        except OSError as error:
            raise local_error(error, self.target, "Writing") from error

    async def discard(self) -> None:
        if self._writing is not None:
            # a thread can't be stopped: let it write its last piece before the file goes
            await asyncio.wait({self._writing})
            self._writing.exception()
            self._writing = None
        with suppress(TransferError):
            await asyncio.to_thread(self.close)
        try:
            await asyncio.to_thread(replacing.remove, self.path)
        except OSError as error:
            raise local_error(error, self.path, "Removing") from error


class _Folders:
    """Local folders made for a download, taken back while empty."""

    def __init__(self) -> None:
        self._made: list[Path] = []

    def make(self, folder: Path) -> None:
        missing = [place for place in (folder, *folder.parents) if not place.exists()]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise local_error(error, folder, "Making the folder") from error
        self._made += reversed(missing)

    def take_back(self) -> None:
        for folder in reversed(self._made):
            with suppress(OSError):  # something is in it: it stays
                folder.rmdir()


async def download(remote: RemoteFiles, plan: DownloadPlan, progress: Progress, *, force: bool = False) -> list[Moved]:
    """Carry out a plan; the files in its order. `force`: existing local files are replaced.

    Raises UsageError before anything is transferred, TransferError, and what the API raises.
    """
    await asyncio.to_thread(_check_targets, plan, force)
    known = [file.size_bytes for file in plan.files if file.size_bytes is not None]
    total = sum(known) if len(known) == len(plan.files) else None
    await asyncio.to_thread(_check_room, plan, sum(known))
    title = f"↓ {plan.files[0].local.name[:30]}" if len(plan.files) == 1 else f"↓ {len(plan.files)} files"
    progress.begin(title, total, len(plan.files))
    folders = _Folders()
    moved: list[Moved] = []
    tally = Tally()
    try:
        for batch in batches(
            plan.files,
            # a file of unknown size goes alone
            lambda file: BATCH_BYTES if file.size_bytes is None else file.size_bytes,
            limit_bytes=BATCH_BYTES,
            limit_count=BATCH_FILES,
            key=lambda file: composed(file.remote).rpartition("/")[2],
        ):
            for file in batch:
                await asyncio.to_thread(folders.make, file.local.parent)
            moved += await _fetch(remote, batch, progress, tally)
        for folder in plan.folders:
            await asyncio.to_thread(folders.make, folder)
    except BaseException as error:
        await to_the_end(asyncio.to_thread(folders.take_back), "A folder that was made", progress)
        if isinstance(error, EngeeError):
            with_done(error, tally, len(plan.files))
        raise
    return moved


async def _fetch(remote: RemoteFiles, batch: Sequence[Incoming], progress: Progress, tally: Tally) -> list[Moved]:
    if len(batch) > 1:
        try:
            moved = await persistently(lambda: _fetch_zip(remote, batch, progress, tally), progress)
            tally.add(len(batch))
            return moved
        except (archive.UnmatchedError, ChecksumError, UnexpectedReplyError) as error:
            progress.notice(f"{error.message} The files are fetched one by one instead.")
    moved = []
    for file in batch:
        moved.append(await persistently(lambda file=file: _fetch_one(remote, file, progress), progress))  # type: ignore[misc]
        tally.add(1)
    return moved


async def _fetch_one(remote: RemoteFiles, file: Incoming, progress: Progress) -> Moved:
    part = PartFile(file.local)
    came = 0
    # Engee makes its checksum while the file is on its way
    wanted = asyncio.create_task(remote.digests([(file.remote, file.size_bytes or 0)]))
    try:
        async with remote.client.download([file.remote]) as reply:
            async for chunk in reply.chunks:
                await part.write(chunk)
                came += len(chunk)
                progress.advance(len(chunk))
        received = await part.finish()
        progress.stage("comparing checksums")
        compared = compare((await wanted)[0] or received, received, file.remote) and remote.has_agent
        progress.stage("")
        replaced = await asyncio.to_thread(file.local.exists)
        await asyncio.to_thread(part.replace)
    except BaseException as error:
        progress.advance(-came)
        if isinstance(error, NotFoundError):
            raise NotFoundError(
                f"There is no file {file.remote} in Engee.", error.hint, status=error.status, call=error.call
            ) from error
        raise
    finally:
        wanted.cancel()
        await to_the_end(_end(part, wanted), f"What was written beside {file.local}", progress)
    return Moved(file.local, file.remote, received.size_bytes, received.sha256, compared, replaced)


async def _end(part: PartFile, wanted: asyncio.Task[list[Digest | None]]) -> None:
    try:
        await part.discard()
    finally:
        await asyncio.wait({wanted})
    if not wanted.cancelled():
        wanted.exception()  # it was raised before, or what came before it was


async def _fetch_zip(remote: RemoteFiles, batch: Sequence[Incoming], progress: Progress, tally: Tally) -> list[Moved]:
    """Several files in one request: the ZIP on disk, then each file beside its target, then all renamed."""
    zipped = PartFile(batch[0].local)
    parts = [PartFile(file.local) for file in batch]
    total = sum(file.size_bytes or 0 for file in batch)
    came = 0
    try:
        async with remote.client.download([file.remote for file in batch]) as reply:
            async for chunk in reply.chunks:
                await zipped.write(chunk)
                if zipped.size_bytes > total + len(batch) * ZIP_ROOM_BYTES:
                    raise TransferError("The server's ZIP is larger than the files in it.", "Try again.")
                # the bar counts the files' bytes, the wire carries compressed ones
                step = min(len(chunk), total - came)
                came += step
                progress.advance(step)
        await zipped.finish()
        digests = await asyncio.to_thread(_unpack, zipped.path, batch, parts)
        progress.stage("comparing checksums")
        wanted = await remote.digests([(file.remote, file.size_bytes or 0) for file in batch])
        for file, digest, expected in zip(batch, digests, wanted, strict=True):
            compare(expected or digest, digest, file.remote)
        progress.stage("")
        replaced = await asyncio.to_thread(lambda: [file.local.exists() for file in batch])
        for done, part in enumerate(parts):
            await asyncio.to_thread(part.replace)
            tally.part = done + 1
        progress.advance(total - came)
    except BaseException:
        progress.advance(-came)
        raise
    finally:
        await to_the_end(_discard((zipped, *parts)), f"What was written in {batch[0].local.parent}", progress)
    return [
        Moved(file.local, file.remote, digest.size_bytes, digest.sha256, remote.has_agent, existed)
        for file, digest, existed in zip(batch, digests, replaced, strict=True)
    ]


async def _discard(parts: Sequence[PartFile]) -> None:
    trouble: TransferError | None = None
    for part in parts:
        try:
            await part.discard()
        except TransferError as error:
            trouble = trouble or error
    if trouble is not None:
        raise trouble


def _unpack(path: Path, batch: Sequence[Incoming], parts: Sequence[PartFile]) -> list[Digest]:
    """The work of a thread. Raises TransferError."""
    with archive.open_archive(path) as zipped:
        entries = archive.match_entries(zipped, [file.remote for file in batch])
        for entry, part, file in zip(entries, parts, batch, strict=True):
            part.put(b"")
            try:
                archive.copy_entry(zipped, entry, part.put, file.size_bytes or 0)
            finally:
                part.close()
            if part.size_bytes != file.size_bytes:
                raise ChecksumError(
                    f"{file.remote}: {part.size_bytes} bytes arrived, {file.size_bytes} were listed.",
                    "Something else may be writing to the file. Nothing was replaced.",
                )
    return [part.digest for part in parts]


async def hold_back_existing(plan: DownloadPlan) -> list[Incoming]:
    """Take the files that exist here already out of the plan."""
    kept = await asyncio.to_thread(lambda: [file for file in plan.files if os.path.lexists(file.local)])
    plan.files = [file for file in plan.files if file not in kept]
    return kept


def _check_targets(plan: DownloadPlan, force: bool) -> None:
    folders = [str(file.local) for file in plan.files if file.local.is_dir()]
    if folders:
        raise UsageError(f"Here a folder has the name of a file: {some(folders)}.", "Download into another folder.")
    existing = [str(file.local) for file in plan.files if os.path.lexists(file.local)]
    if existing and not force:
        raise UsageError(
            f"{len(existing)} of {len(plan.files)} files exist here already: {some(existing)}."
            if len(plan.files) > 1
            else f"{some(existing)} exists here already.",
            "Add --force to overwrite, or download into another folder. Nothing was transferred.",
        )


def _check_room(plan: DownloadPlan, needed_bytes: int) -> None:
    if not plan.files:
        return
    wanted = plan.files[0].local.parent.absolute()
    folder = first_existing(wanted, os.path.exists)
    if folder is None:
        raise TransferError(
            f"“{wanted.anchor}” is not there: neither “{wanted}” nor a folder above it exists.",
            "Connect the drive or the share, or download into another folder. Nothing was transferred.",
        )
    free_bytes = shutil.disk_usage(folder).free
    if needed_bytes > free_bytes:
        raise TransferError(
            f"The disk of “{folder}” has {size(free_bytes)} left, the download needs {size(needed_bytes)}.",
            "Make room, or choose another folder.",
        )
