"""One round: look here and in Engee, send what differs, remove what is gone, keep what was changed there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..facts.errors import TransferError, UsageError
from ..files.local import Outgoing, UploadPlan
from ..files.paths import batches
from ..files.remote import CALLS_AT_ONCE, DIRECTORY, FILE, MISSING, Entry, RemoteFileError, RemoteFiles
from ..files.transfer import Moved, Progress
from ..files.upload import upload
from .comparison import Action, decide
from .manifest import Manifest, Sent
from .source import Local, Source, checksum, scan

KEPT_CHECKSUMS = 5


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that stays in Engee as it is. `blocked`: --force would not change that. `here`: the checksum here."""

    path: str
    why: str
    blocked: bool = False
    here: str | None = None


@dataclass
class Outcome:
    """What a round did, or would do (`is_dry`). Paths are remote ones, but those of `to_send`."""

    is_dry: bool = False
    to_send: list[Outgoing] = field(default_factory=list)
    new: set[str] = field(default_factory=set)
    sent: list[Moved] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    files: int = 0
    excluded: int = 0
    elapsed_s: float = 0.0

    @property
    def is_empty(self) -> bool:
        return not (self.to_send or self.removed or self.refused)


class Rounds:
    """Of one folder here and one in Engee; the manifest is held and loaded."""

    def __init__(
        self, remote: RemoteFiles, manifest: Manifest, root: Path, target: str, *, delete: bool, force: bool
    ) -> None:
        self._remote = remote
        self._manifest = manifest
        self._root = root
        self._target = target
        self._delete = delete
        self._force = force

    async def run(self, progress: Progress, *, whole: bool = True, is_dry: bool = False) -> Outcome:
        """`whole` False: only what changed here since the last round is looked for in Engee.

        Raises UsageError, TransferError, and what the API raises. What was done until then is in the manifest.
        """
        began = time.monotonic()
        if not self._remote.has_agent:
            raise UsageError(
                "Synchronising needs the agent for its checksums, and this is plain mode.",
                "Set mode = agent, or use upload.",
            )
        source = await asyncio.to_thread(scan, self._root)
        outcome = Outcome(is_dry, skipped=source.skipped, files=len(source.files), excluded=len(source.excluded))
        here = await self._checksums(source, outcome)
        names = [name for name in self._names(source) if whole or self._has_changed(name, here.get(name))]
        if names:
            await self._compare(names, source, here, outcome)
        if not is_dry:
            try:
                await self._send(source, here, outcome, progress)
                await self._remove(outcome)
            finally:
                self._manifest.save()
        outcome.elapsed_s = time.monotonic() - began
        return outcome

    # Looking

    def _names(self, source: Source) -> list[str]:
        gone = [name for name in self._manifest.files if name not in source.files and not source.keeps_back(name)]
        return [*source.files, *sorted(gone)]

    def _has_changed(self, name: str, here: str | None) -> bool:
        sent = self._manifest.files.get(name, Sent())
        return here != sent.newest if here is not None else self._delete

    async def _checksums(self, source: Source, outcome: Outcome) -> dict[str, str]:
        """Of all files here; a file that is as it was when it was sent is not read again."""
        found: dict[str, str] = {}
        for name, local in list(source.files.items()):
            sent = self._manifest.files.get(name)
            if sent is not None and sent.mark == local.mark:
                found[name] = sent.newest
                continue
            try:
                digest = await asyncio.to_thread(checksum, local.path)
            except TransferError as error:
                # one that a program holds must not keep all others back
                outcome.refused.append(Refused(self._path(name), error.message.rstrip("."), True))
                source.excluded.append(name)
                digest = None
            if digest is None:
                del source.files[name]  # it can't be read, or went while we looked
            else:
                found[name] = digest
        return found

    async def _compare(self, names: Sequence[str], source: Source, here: dict[str, str], outcome: Outcome) -> None:
        paths = [self._path(name) for name in names]
        folders = sorted({str(place) for path in paths for place in self._folders_of(path)})
        entries = await self._remote.stats([*folders, *paths])
        files_in_place = {entry.path for entry in entries[: len(folders)] if entry and entry.kind != DIRECTORY}
        if self._target in files_in_place:
            raise UsageError(f"{self._target} is a file in Engee, not a folder.", "Name another folder.")
        at = dict(zip(names, entries[len(folders) :], strict=True))
        there = await self._checksums_there(at, here)
        for name in names:
            entry, path = at[name], self._path(name)
            sent = self._manifest.files.get(name, Sent())
            in_place = next((str(place) for place in self._folders_of(path) if str(place) in files_in_place), None)
            action = decide(
                here=here.get(name),
                kind=entry.kind if entry is not None else None,
                there=there.get(name),
                sent=sent.checksums,
                delete=self._delete,
                force=self._force,
            )
            if in_place and action is Action.SEND:
                outcome.refused.append(
                    Refused(path, f"{in_place} is a file in Engee, a folder here", True, here.get(name))
                )
                continue
            self._note(action, name, source.files.get(name), entry, here.get(name), outcome)

    def _note(
        self, action: Action, name: str, local: Local | None, entry: Entry | None, here: str | None, outcome: Outcome
    ) -> None:
        path = self._path(name)
        if action is Action.SAME and local is not None and entry is not None and here is not None:
            self._confirm(name, here, local, entry)
        elif action is Action.SEND and local is not None:
            outcome.to_send.append(Outgoing(local.path, path, local.size_bytes))
            if entry is None:
                outcome.new.add(path)
        elif action is Action.REMOVE:
            outcome.removed.append(path)
        elif action is Action.LEFT:
            outcome.left.append(path)
        elif action is Action.FORGET:
            self._manifest.files.pop(name, None)
        elif action is Action.KEEP:
            was_sent = name in self._manifest.files
            why = "changed in Engee since the last sync" if was_sent else "in Engee is another file, not sent from here"
            outcome.refused.append(Refused(path, f"{why}; gone here" if local is None else why, False, here))
        else:
            what = "a folder" if entry is not None and entry.kind == DIRECTORY else "no regular file"
            outcome.refused.append(Refused(path, f"is {what} in Engee", True, here))

    async def _checksums_there(self, at: dict[str, Entry | None], here: dict[str, str]) -> dict[str, str]:
        """Of the files in Engee; one that is as it was after it was sent is not read again."""
        found: dict[str, str] = {}
        unknown: list[tuple[str, Entry]] = []
        for name, entry in at.items():
            if entry is None or entry.kind != FILE:
                continue
            sent = self._manifest.files.get(name)
            if sent is not None and sent.remote == (entry.size_bytes, entry.modified):
                found[name] = sent.newest
            elif name in here or self._delete:
                unknown.append((name, entry))
        digests = await self._remote.digests([(entry.path, entry.size_bytes) for _, entry in unknown])
        return found | {name: one.sha256 for (name, _), one in zip(unknown, digests, strict=True) if one is not None}

    # Doing

    async def _send(self, source: Source, here: dict[str, str], outcome: Outcome, progress: Progress) -> None:
        if not outcome.to_send:
            return
        names = {self._path(name): name for name in source.files}
        for file in outcome.to_send:
            # whatever ends this, both may be in Engee by our doing
            sent = self._manifest.files.setdefault(names[file.target], Sent())
            sent.checksums = [*sent.checksums, here[names[file.target]]][-KEPT_CHECKSUMS:]
            sent.mark = sent.remote = None
        self._manifest.save()
        outcome.sent = await upload(self._remote, UploadPlan(self._target, outcome.to_send), progress)
        entries = await self._remote.stats([moved.remote for moved in outcome.sent])
        for moved, entry in zip(outcome.sent, entries, strict=True):
            name = names[moved.remote]
            local = source.files[name] if moved.sha256 == here[name] else None
            self._confirm(name, moved.sha256, local, entry)

    def _confirm(self, name: str, sha256: str, local: Local | None, entry: Entry | None) -> None:
        self._manifest.files[name] = Sent(
            [sha256],
            local.mark if local is not None and local.is_settled() else None,
            (entry.size_bytes, entry.modified) if entry is not None else None,
        )

    async def _remove(self, outcome: Outcome) -> None:
        for some in batches(outcome.removed, lambda path: 0, limit_bytes=0, limit_count=CALLS_AT_ONCE):
            for path, answer in zip(
                some, await self._remote.call_each([("remove", path, False) for path in some]), strict=True
            ):
                if isinstance(answer, RemoteFileError) and answer.reason != MISSING:
                    raise answer
                self._manifest.files.pop(path[len(self._target.rstrip("/")) + 1 :], None)
        await self._remove_empty_folders(outcome.removed)

    async def _remove_empty_folders(self, removed: Iterable[str]) -> None:
        """Those that the removed files were in, deepest first, where they are gone here, too."""
        folders = {place for path in removed for place in self._folders_of(path)[:-1]}
        gone = [
            str(place)
            for place in sorted(folders, key=lambda place: -len(place.parts))
            if not (self._root / place.relative_to(self._target)).exists()
        ]
        for some in batches(gone, lambda path: 0, limit_bytes=0, limit_count=CALLS_AT_ONCE):
            # one with something else in it refuses, which is right
            await self._remote.call_each([("remove", path, False) for path in some])

    def _path(self, name: str) -> str:
        return f"{self._target.rstrip('/')}/{name}"

    def _folders_of(self, path: str) -> list[PurePosixPath]:
        """The folders that a remote file is in, up to the target itself, which comes last."""
        target = PurePosixPath(self._target)
        return [place for place in PurePosixPath(path).parents if place.is_relative_to(target)]
