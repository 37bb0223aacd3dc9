"""What uploads and downloads share: their results, how they report, when they try again, how they clean up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ..api.retry import is_transient
from ..disk.replacing import is_in_use
from ..facts.errors import EngeeError, NetworkError, TransferError
from ..facts.silence import Silence, is_gateways, waiting
from ..facts.text import duration, size
from .paths import ROOT, remote_path
from .remote import Digest

T = TypeVar("T")

TRIES = 3
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
CLEANUP_BOUND_S = 10.0
GATEWAY_BOUND_S = 60.0
LONGEST_GATEWAY_PAUSE_S = 5.0
AS_BEFORE = "No file was left half-written, here or in Engee. Run it again when Engee is back."
BATCH_BYTES = 64 * 2**20
BATCH_FILES = 50


class ChecksumError(TransferError):
    """A file did not arrive as it was sent."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One file that was transferred. `compared`: its SHA-256 is the same on both sides."""

    local: Path
    remote: str
    size_bytes: int
    sha256: str
    compared: bool
    replaced: bool = False


@dataclass
class Tally:
    """How much of a transfer is complete, whatever happens to the rest.

    `part`: files of the batch in hand that are in place, `unknown`: those of which nobody can say. `is_open`: the
    batch is being put in place just now.
    """

    done: int = 0
    part: int = 0
    unknown: int = 0
    is_open: bool = False

    def add(self, files: int) -> None:
        """A batch is complete."""
        self.done += files
        self.part = self.unknown = 0


def to_json(file: Moved) -> dict[str, object]:
    """For scripts."""
    return {
        "local": str(file.local),
        "remote": file.remote,
        "size_bytes": file.size_bytes,
        "sha256": file.sha256,
        "compared": file.compared,
        "replaced": file.replaced,
    }


class Progress(Protocol):
    """Whoever shows how a transfer goes. All calls come from the event loop."""

    def begin(self, title: str, total_bytes: int | None, files: int) -> None:
        """Called once, before the first byte. `total_bytes` None: not known."""

    def advance(self, sent_bytes: int) -> None:
        """Bytes that went over the wire; less than 0 when some have to go again."""

    def stage(self, text: str) -> None:
        """What is being done while no bytes go; "" when they go again."""

    def notice(self, text: str) -> None:
        """A remark for the person."""


class Silent:
    """Progress that nobody looks at; notices are kept."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def begin(self, title: str, total_bytes: int | None, files: int) -> None:
        pass

    def advance(self, sent_bytes: int) -> None:
        pass

    def stage(self, text: str) -> None:
        pass

    def notice(self, text: str) -> None:
        self.notices.append(text)


async def persistently(attempt: Callable[[], Awaitable[T]], progress: Progress) -> T:
    """The result of `attempt`, begun anew after a passing failure, `TRIES` times at most; while the gateway answers in
    place of Engee, as often as `GATEWAY_BOUND_S` allows.

    For attempts that leave nothing behind when they fail. Raises the last error.
    """
    pause_s = FIRST_PAUSE_S
    tries = 0
    told = ""
    silence = Silence(asking=True)
    while True:
        try:
            return await attempt()
        except EngeeError as error:
            tries += 1
            silence.heard_only(error)
            of_gateway = is_gateways(error)
            if silence.lasts_s >= GATEWAY_BOUND_S if of_gateway else tries >= TRIES:
                if of_gateway:
                    error.message = silence.sentence(error)
                    error.hint = AS_BEFORE
                raise
            asked_s = getattr(error, "retry_after_s", None)
            wait_s = pause_s if asked_s is None else asked_s
            if not (is_transient(error) or isinstance(error, ChecksumError)) or wait_s > LONGEST_PAUSE_S:
                raise
            said = f"{waiting(error)}." if of_gateway else error.message
            if said != told:
                progress.notice(f"{said} Trying again in {duration(wait_s)}.")
            told = said if of_gateway else ""
            await asyncio.sleep(wait_s)
            pause_s = min(2 * pause_s, LONGEST_GATEWAY_PAUSE_S) if of_gateway else 4 * pause_s


async def to_the_end(work: Coroutine[Any, Any, None], what: str, progress: Progress, *, done: str = "removed") -> None:
    """Clean up within `CLEANUP_BOUND_S`, also when the caller has been cancelled or is now."""
    task = asyncio.ensure_future(asyncio.wait_for(work, CLEANUP_BOUND_S))
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            continue  # the caller raises it, or what came before it, when this is done
    error = task.exception()
    if isinstance(error, EngeeError | TimeoutError | asyncio.TimeoutError):
        reason = error.message if isinstance(error, EngeeError) else "Engee does not answer."
        progress.notice(f"{what} could not be {done}: {reason}")
    elif error is not None:
        raise error


def compare(sent: Digest, received: Digest | None, path: str) -> bool:
    """Whether a checksum could be compared. Raises ChecksumError where it differs."""
    if received is None:
        return False
    if received.size_bytes != sent.size_bytes:
        raise ChecksumError(
            f"{path}: {sent.size_bytes} bytes on one side, {received.size_bytes} on the other.",
            "Something else may be writing to the file. Nothing was replaced.",
        )
    if received.sha256 != sent.sha256:
        raise ChecksumError(
            f"{path}: the SHA-256 is not the same on both sides.",
            "Something else may be writing to the file. Nothing was replaced.",
        )
    return True


def summary(moved: Sequence[Moved], verb: str, elapsed_s: float) -> str:
    """E.g. "Uploaded 12 files, 3.4 MiB in 1.2 s, checksums agree.\""""
    total = sum(file.size_bytes for file in moved)
    count = "1 file" if len(moved) == 1 else f"{len(moved)} files"
    said = f"{verb} {count}, {size(total)} in {duration(elapsed_s)}"
    if not moved:
        return f"{verb} no files."
    if all(file.compared for file in moved):
        return f"{said}, {'checksum agrees' if len(moved) == 1 else 'checksums agree'}."
    return f"{said}. Checksums could not be compared without the agent (plain mode)."


def with_done(error: EngeeError, tally: Tally, total: int) -> None:
    """Say in the error's hint how much of a transfer is complete."""
    if isinstance(error, NetworkError) and not error.hint:
        error.hint = "Run it again when the network is back."
    done, unknown = tally.done + tally.part, tally.unknown
    if total > 1 or done or unknown:
        are = f"{done} of {total} files {'is' if done == 1 else 'are'} complete"
        if unknown:
            what = "1 file" if unknown == 1 else f"{unknown} files"
            said = f"{are}; of {what} it is not known whether they are in place: look with %ls."
        else:
            said = f"{are}." if done == total else f"{are}; the others were left as they were."
        error.hint = f"{error.hint}\n{said}".lstrip()


def local_error(error: OSError, path: Path, doing: str) -> TransferError:
    """An error of this machine's file system in the person's terms."""
    import errno  # noqa: PLC0415 - for this error only

    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return TransferError(f"{doing} “{path}”: the disk is full.", "Make room, or choose another folder.")
    hint = ""
    if is_in_use(error):
        hint = "Close the program that uses the file."
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        hint = "You may not read it." if doing == "Reading" else "Choose a folder that you may write to."
    return TransferError(f"{doing} “{path}”: {reason.rstrip('.')}.", hint)


def remote_folder(text: str | None, folder: str = ROOT) -> str:
    """The remote folder a person named, or the current one."""
    return folder if text is None else remote_path(text, folder)
