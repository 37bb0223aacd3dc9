"""A transfer's progress bar, by tqdm: in a terminal, or as a stream of a cell with carriage returns."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from ..cells.output import Output
from ..facts.events import Stream

if TYPE_CHECKING:
    from tqdm import tqdm

AnyBar = TypeVar("AnyBar", bound="Bar")

SHOW_AFTER_S = 0.5
TERMINAL_EVERY_S = 0.1
CELL_EVERY_S = 0.5
CELL_COLUMNS = 88


class Bar:
    """`transfer.Progress` in a terminal: `async with Bar() as progress`.

    On stderr, so that stdout holds results alone; where that is no terminal, and for a transfer that ends
    within half a second, there is no bar.
    """

    every_s = TERMINAL_EVERY_S

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = sys.stderr if file is None else file
        self._bar: tqdm[Any] | None = None
        self._title = ""
        self._began = 0.0
        self._is_staged = False
        self._pump: asyncio.Task[None] | None = None

    async def __aenter__(self: AnyBar) -> AnyBar:
        self._pump = asyncio.create_task(self._now_and_then())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._pump is not None:
            self._pump.cancel()
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        await self.show()

    def begin(self, title: str, total_bytes: int | None, files: int) -> None:
        self._title = title
        self._began = time.monotonic()
        bar = self._make(title, total_bytes)
        self._bar = None if bar.disable else bar

    def advance(self, sent_bytes: int) -> None:
        if self._bar is None:
            return
        if sent_bytes < 0:
            self._bar.n = max(0, self._bar.n + sent_bytes)
            self._bar.last_print_n = min(self._bar.last_print_n, self._bar.n)
        else:
            self._bar.update(sent_bytes)

    def stage(self, text: str) -> None:
        self._is_staged = bool(text)
        if self._bar is not None:
            self._bar.set_description_str(f"{self._title} – {text}" if text else self._title, refresh=self._is_shown)

    def notice(self, text: str) -> None:
        if self._bar is not None and self._is_shown:
            self._bar.clear()
        print(text, file=self._file)

    async def show(self) -> None:
        """Called now and then: put what was drawn where the person looks."""

    @property
    def _is_shown(self) -> bool:
        return time.monotonic() - self._began > SHOW_AFTER_S

    async def _now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self.every_s)
            if self._is_staged and self._is_shown and self._bar is not None:
                # no bytes go meanwhile, so tqdm itself would not draw it
                self._is_staged = False
                self._bar.refresh()
            await self.show()

    def _make(self, title: str, total_bytes: int | None, **options: Any) -> tqdm[Any]:
        from tqdm import tqdm  # noqa: PLC0415 - only where a bar is shown

        # tqdm's own lock is one between processes, and its monitor a thread: one program shows one bar
        tqdm.set_lock(threading.RLock())
        tqdm.monitor_interval = 0
        settings: dict[str, Any] = {"dynamic_ncols": True, "file": self._file, "disable": None}
        return tqdm(
            desc=title,
            total=total_bytes,
            unit="B",
            unit_scale=True,
            unit_divisor=1024,
            delay=SHOW_AFTER_S,
            mininterval=self.every_s,
            miniters=1,
            **{**settings, **options},
        )


class _Written:
    """What tqdm wrote and nobody has published yet."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self._parts: list[str] = []

    def write(self, text: str) -> int:
        self._parts.append(text)
        return len(text)

    def flush(self) -> None:
        """Called by tqdm."""

    def take(self) -> str:
        text = "".join(self._parts)
        self._parts.clear()
        return text


class CellBar(Bar):
    """`transfer.Progress` in a notebook's cell: `async with CellBar(output) as progress`."""

    every_s = CELL_EVERY_S

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output
        self._written = _Written()

    async def __aexit__(self, *details: object) -> None:
        self._output.condition("")
        await super().__aexit__(*details)

    def stage(self, text: str) -> None:
        super().stage(text)
        self._output.condition(text)

    def notice(self, text: str) -> None:
        self._output.notice(text)

    async def show(self) -> None:
        text = self._written.take()
        if text:
            await self._output.publish(Stream("stdout", text))

    def _make(self, title: str, total_bytes: int | None, **options: Any) -> tqdm[Any]:
        return super()._make(
            title,
            total_bytes,
            file=self._written,
            dynamic_ncols=False,
            ncols=CELL_COLUMNS,
            ascii=False,
            disable=False,
            **options,
        )
