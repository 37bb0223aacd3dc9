"""A round on each save, until somebody ends it: through lost networks and restarts of Engee."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from ..facts.errors import (
    EngeeError,
    ForbiddenPathError,
    SettingError,
    TokenRejectedError,
    TokenTooYoungError,
    TransferError,
    UsageError,
)
from ..files.transfer import Silent
from .exclusions import NEVER
from .report import batch_line
from .rounds import Outcome, Refused, Rounds
from .source import check_folder

GATHER_MS = 400
"""Saves that come closer together than this go as one batch."""
PULSE_MS = 1000
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 15.0


class Watching:
    """`say` gets one line a batch."""

    def __init__(self, rounds: Rounds, root: Path, say: Callable[[str], None]) -> None:
        self._rounds = rounds
        self._root = root
        self._say = say
        self._changed = asyncio.Event()
        self._trouble = ""
        self._named: set[Refused] = set()

    async def run(self, first: Outcome) -> None:
        """Go on after a `first` round. Ends by being cancelled, or raises what waiting can't mend."""
        self._named = set(first.refused)
        watcher = asyncio.create_task(self._watch())
        try:
            while True:
                changed = asyncio.create_task(self._changed.wait())
                await asyncio.wait({changed, watcher}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                if watcher.done():
                    watcher.result()
                    raise TransferError(f"{self._root} can't be watched any more.", "Start the sync again.")
                self._changed.clear()
                await self._round()
        finally:
            watcher.cancel()
            await asyncio.wait({watcher})
            if not watcher.cancelled():
                watcher.exception()  # it was raised before

    async def _round(self) -> None:
        """One that succeeds. After trouble all is compared anew: Engee may not be what it was."""
        pause_s = FIRST_PAUSE_S
        whole = False
        while True:
            try:
                outcome = await self._rounds.run(Silent(), whole=whole)
            except EngeeError as error:
                if is_final(error):
                    raise
                self._tell_trouble(error)
                whole = True
                with suppress(asyncio.TimeoutError, TimeoutError):
                    # a save may be what was waited for: the disk is full, the file was locked
                    await asyncio.wait_for(self._changed.wait(), pause_s)
                self._changed.clear()
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
                continue
            if self._trouble:
                self._trouble = ""
                self._tell("Engee answers again.")
            new = [one for one in outcome.refused if one not in self._named]
            self._named.update(new)
            if line := batch_line(outcome, new):
                self._tell(line)
            return

    def _tell_trouble(self, error: EngeeError) -> None:
        """Once, until it is another one."""
        if error.message != self._trouble:
            self._trouble = error.message
            self._tell(f"{error.message} What changed is sent as soon as that is over.")

    def _tell(self, text: str) -> None:
        self._say(f"{datetime.now():%H:%M:%S} {text}")

    async def _watch(self) -> None:
        from watchfiles import awatch  # noqa: PLC0415 - an extra

        changes = awatch(
            self._root,
            watch_filter=_is_of_interest,
            debounce=GATHER_MS,
            rust_timeout=PULSE_MS,
            yield_on_timeout=True,
            raise_interrupt=False,
        )
        is_first = True
        try:
            async for some in changes:
                # the first pulse, with a change or without: what was saved before the watcher was at work
                if some or is_first:
                    self._changed.set()
                is_first = False
        except (OSError, RuntimeError) as error:
            check_folder(self._root)
            raise TransferError(
                f"{self._root} can't be watched: {str(error).rstrip('.')}.",
                "On Linux the system may allow too few watches (fs.inotify.max_user_watches). On a network drive "
                "set WATCHFILES_FORCE_POLLING=true. Without --watch it is sent once.",
            ) from error


def _is_of_interest(change: Any, path: str) -> bool:
    """Called by the watcher. Git writes a lot that is never sent."""
    return NEVER not in Path(path).parts


def check_watcher() -> None:
    """Raises UsageError where the library is missing."""
    try:
        import watchfiles  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        raise UsageError(
            f"--watch needs the package watchfiles, which can't be loaded: {error}.",
            'Install it with: pip install "engee-kernel[sync]"',
        ) from error


def is_final(error: EngeeError) -> bool:
    """Whether waiting won't mend it."""
    if isinstance(error, TokenTooYoungError):
        return False
    return isinstance(error, SettingError | TokenRejectedError | ForbiddenPathError | UsageError)
