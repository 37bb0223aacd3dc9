"""Uploads: staged in a folder of their own, compared, then moved over their targets at once.

An upload that fails or is interrupted leaves nothing in Engee: its staging folder is removed, and the
targets are as they were. So a failed batch may be sent again.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import PurePosixPath

from ..api.body import Upload
from ..facts.errors import EngeeError, TransferError, UsageError
from .local import Outgoing, UploadPlan
from .paths import STAGING_NAME, STAGING_ROOT, batches, composed, some
from .remote import DIRECTORY, Digest, Entry, RemoteFileError, RemoteFiles
from .source import LocalSource
from .transfer import (
    BATCH_BYTES,
    BATCH_FILES,
    Moved,
    Progress,
    Tally,
    compare,
    persistently,
    to_the_end,
    with_done,
)

LATE_S = 1.0
STALE_S = 24 * 3600.0


async def upload(remote: RemoteFiles, plan: UploadPlan, progress: Progress, *, keep: bool = False) -> list[Moved]:
    """Carry out a plan; the files in its order.

    An existing file is replaced; with `keep` the API's own rule stands, which gives the new file another
    name. Raises TransferError, UsageError before anything is sent, and what the API raises.
    """
    replaced = set() if keep else await _look_ahead(remote, plan)
    total = sum(file.size_bytes for file in plan.files)
    progress.begin(_title(plan), total, len(plan.files))
    moved: list[Moved] = []
    tally = Tally()
    try:
        for batch in batches(
            plan.files,
            lambda file: file.size_bytes,
            limit_bytes=BATCH_BYTES,
            limit_count=BATCH_FILES,
            key=(lambda file: composed(file.target).casefold()) if keep else None,
        ):
            if keep:
                moved += await _send_kept(remote, batch, progress, tally)
            else:
                moved += await _send_staged(remote, batch, replaced, progress, tally)
        await remote.make_folders(plan.folders)
    except EngeeError as error:
        with_done(error, tally, len(plan.files))
        raise
    return moved


async def _look_ahead(remote: RemoteFiles, plan: UploadPlan) -> set[str]:
    """The targets that exist and will be replaced. Raises UsageError where one can't be."""
    if not remote.has_agent:
        return set()
    await _remove_stale(remote)
    folder, *entries = await remote.stats([plan.folder, *(file.target for file in plan.files)])
    if folder is not None and folder.kind != DIRECTORY:
        raise UsageError(f"{plan.folder} is no folder ({folder.kind}), and files can be uploaded into one only.")
    folders = [entry.path for entry in entries if entry is not None and entry.kind == DIRECTORY]
    if folders:
        raise UsageError(
            f"A file can't replace a folder: {some(folders)}.", "Remove it first (%rm -r), or upload elsewhere."
        )
    return {file.target for file, entry in zip(plan.files, entries, strict=True) if entry is not None}


async def _remove_stale(remote: RemoteFiles) -> None:
    """What a killed kernel left behind a day ago or more."""
    try:
        entries, _ = await remote.entries(STAGING_ROOT)
    except RemoteFileError:
        return  # there is none
    for entry in entries:
        if entry.name.startswith(STAGING_NAME) and time.time() - entry.modified > STALE_S:
            with suppress(RemoteFileError):  # another kernel may be just removing it
                await remote.discard(entry.path)


async def _send_staged(
    remote: RemoteFiles, batch: Sequence[Outgoing], replaced: set[str], progress: Progress, tally: Tally
) -> list[Moved]:
    digests = await persistently(lambda: _stage_and_commit(remote, batch, progress, tally), progress)
    tally.add(len(batch))
    return [
        Moved(file.local, file.target, digest.size_bytes, digest.sha256, remote.has_agent, file.target in replaced)
        for file, digest in zip(batch, digests, strict=True)
    ]


async def _stage_and_commit(
    remote: RemoteFiles, batch: Sequence[Outgoing], progress: Progress, tally: Tally
) -> list[Digest]:
    """One try: afterwards all targets are new, or those that `tally` counts; nothing else is left in Engee."""
    staging = f"{STAGING_ROOT}/{STAGING_NAME}{uuid.uuid4()}"
    names = [str(number) for number in range(len(batch))]
    try:
        sent = await _send(remote, batch, [staging] * len(batch), names, progress, staging)
        progress.stage("comparing checksums")
        files = [(f"{staging}/{name}", digest.size_bytes) for name, digest in zip(names, sent, strict=True)]
        for file, digest, received in zip(batch, sent, await remote.digests(files), strict=True):
            compare(digest, received, str(file.local))
        tally.is_open = True
        await remote.commit(staging, [(name, file.target) for name, file in zip(names, batch, strict=True)])
        tally.is_open = False
        progress.stage("")
    except BaseException:
        if tally.is_open:
            tally.unknown = len(batch)
            count = _count(remote, [f"{staging}/{name}" for name in names], tally)
            await to_the_end(count, "How many files are in place", progress, done="asked")
            tally.is_open = False
        await to_the_end(remote.discard(staging), f"The upload's folder {staging}", progress)
        raise
    if not remote.has_agent:
        await _compare_sizes(remote, batch, sent)
    return sent


async def _count(remote: RemoteFiles, staged: Sequence[str], tally: Tally) -> None:
    """After a failure in the middle of a commit: what is no longer staged is in place."""
    try:
        if remote.has_agent:
            left = [entry is not None for entry in await remote.stats(staged)]
        else:
            left = [await remote.size_of(path) is not None for path in staged]
    except EngeeError:
        return  # nobody can say: they count as not known
    tally.part, tally.unknown = left.count(False), 0


async def _send(
    remote: RemoteFiles,
    batch: Sequence[Outgoing],
    folders: Sequence[str],
    names: Sequence[str],
    progress: Progress,
    staging: str = "",
) -> list[Digest]:
    """One request. When it fails after all was sent, Engee may still put the files in `staging`: waits for that."""
    sent_bytes = 0

    def on_sent(count: int) -> None:
        nonlocal sent_bytes
        sent_bytes += count
        progress.advance(count)

    sources = [LocalSource(file.local, file.size_bytes, copied=file.is_unsized) for file in batch]
    try:
        for source in sources:
            await asyncio.to_thread(source.prepare)
        await remote.client.upload(
            [
                Upload(source, name, folder, source.size_bytes)
                for source, name, folder in zip(sources, names, folders, strict=True)
            ],
            on_sent=on_sent,
        )
    except BaseException:
        if staging and sent_bytes == sum(source.size_bytes for source in sources):
            await to_the_end(_late(remote, staging), f"The upload's folder {staging}", progress)
        progress.advance(-sent_bytes)
        raise
    finally:
        for source in sources:
            await asyncio.to_thread(source.close)
    return [source.digest for source in sources]


async def _late(remote: RemoteFiles, staging: str) -> None:
    await asyncio.sleep(LATE_S)
    await remote.discard(staging)


async def _compare_sizes(remote: RemoteFiles, batch: Sequence[Outgoing], sent: Sequence[Digest]) -> None:
    for file, digest in zip(batch, sent, strict=True):
        size = await remote.size_of(file.target)
        if size != digest.size_bytes:
            raise TransferError(
                f"{file.target} has {size} bytes in Engee, {file.local} has {digest.size_bytes}.", "Upload it again."
            )


# With the API's own rule for names


async def _send_kept(remote: RemoteFiles, batch: Sequence[Outgoing], progress: Progress, tally: Tally) -> list[Moved]:
    """Not sent again after a failure: the files may have arrived, and would get yet other names."""
    folders = [str(PurePosixPath(file.target).parent) for file in batch]
    names = [PurePosixPath(file.target).name for file in batch]
    before = await _listings(remote, folders)
    tally.unknown = len(batch)
    reply = await _send_named(remote, batch, folders, names, progress)
    tally.add(len(batch))
    if not remote.has_agent:
        return [Moved(file.local, file.target, digest.size_bytes, digest.sha256, False) for file, digest in reply]
    progress.stage("comparing checksums")
    after = await _listings(remote, folders)
    new = [entry for path, entry in after.items() if path not in before]
    found = await remote.digests([(entry.path, entry.size_bytes) for entry in new])
    progress.stage("")
    left = list(zip(new, found, strict=True))
    moved = []
    for (file, digest), folder in zip(reply, folders, strict=True):
        mine = [item for item in left if item[1] == digest and _came_from(item[0], file.target, folder)]
        if not mine:
            raise TransferError(
                f"{file.local} was sent, but {folder} has no new file with its checksum.",
                f"Look there with: %ls {folder}",
            )
        left.remove(mine[0])
        moved.append(Moved(file.local, mine[0][0].path, digest.size_bytes, digest.sha256, True))
    return moved


async def _send_named(
    remote: RemoteFiles, batch: Sequence[Outgoing], folders: Sequence[str], names: Sequence[str], progress: Progress
) -> list[tuple[Outgoing, Digest]]:
    return list(zip(batch, await _send(remote, batch, folders, names, progress), strict=True))


async def _listings(remote: RemoteFiles, folders: Sequence[str]) -> dict[str, Entry]:
    """The files in these folders by path; a folder may not exist yet."""
    found: dict[str, Entry] = {}
    if not remote.has_agent:
        return found
    for folder in dict.fromkeys(folders):
        try:
            entries, more = await remote.entries(folder)
        except RemoteFileError:
            continue
        if more:
            raise TransferError(f"{folder} has too many files to find the new one's name.", "Upload without --keep.")
        found |= {entry.path: entry for entry in entries if entry.kind != DIRECTORY}
    return found


def _came_from(entry: Entry, target: str, folder: str) -> bool:
    """Whether the API's suffix rule may have made this name of the target's."""
    path = PurePosixPath(entry.path)
    return str(path.parent) == folder and composed(path.name).startswith(composed(PurePosixPath(target).stem))


def _title(plan: UploadPlan) -> str:
    return f"↑ {plan.files[0].local.name[:30]}" if len(plan.files) == 1 else f"↑ {len(plan.files)} files"
