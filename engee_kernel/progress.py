"""A transfer's progress bar, by tqdm: in a terminal, or as a stream of a cell with carriage returns."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, TextIO

from .events import Stream
from .output import Output

if TYPE_CHECKING:
    from tqdm import tqdm

SHOW_AFTER_S = 0.5
TERMINAL_EVERY_S = 0.1
CELL_EVERY_S = 0.5
CELL_COLUMNS = 88


class Bar:
    """`transfer.Progress` in a terminal: on stderr, so that stdout holds results alone.

    A transfer that ends within half a second shows no bar.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = sys.stderr if file is None else file
        self._bar: tqdm[Any] | None = None
        self._title = ""
        self._began = 0.0

    @property
    def _is_shown(self) -> bool:
        return time.monotonic() - self._began > SHOW_AFTER_S

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, title: str, total_bytes: int | None, files: int) -> None:
        self._title = title
        self._began = time.monotonic()
        self._bar = self._make(title, total_bytes)

    def advance(self, sent_bytes: int) -> None:
        if self._bar is None:
            return
        if sent_bytes < 0:
            self._bar.n = max(0, self._bar.n + sent_bytes)
            self._bar.last_print_n = min(self._bar.last_print_n, self._bar.n)
        else:
            self._bar.update(sent_bytes)

    def stage(self, text: str) -> None:
        if self._bar is not None:
            self._bar.set_description_str(f"{self._title} – {text}" if text else self._title, refresh=self._is_shown)

    def notice(self, text: str) -> None:
        if self._bar is not None and self._is_shown:
            self._bar.clear()
        print(text, file=self._file)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _make(self, title: str, total_bytes: int | None, **options: Any) -> tqdm[Any]:
        from tqdm import tqdm  # noqa: PLC0415 - only where a bar is shown

        # tqdm's own lock is one between processes, and its monitor a thread: one program shows one bar
        tqdm.set_lock(threading.RLock())
        tqdm.monitor_interval = 0
        settings: dict[str, Any] = {
            "mininterval": TERMINAL_EVERY_S,
            "dynamic_ncols": True,
            "file": self._file,
            "disable": None,  # where there is no terminal
        }
        return tqdm(
            desc=title,
            total=total_bytes,
            unit="B",
            unit_scale=True,
            unit_divisor=1024,
            delay=SHOW_AFTER_S,
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

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output
        self._written = _Written()
        self._pump: asyncio.Task[None] | None = None
        self._staged = False

    async def __aenter__(self) -> CellBar:
        self._pump = asyncio.create_task(self._publish_now_and_then())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._pump is not None:
            self._pump.cancel()
        self.close()
        self._output.condition("")
        await self._publish()

    def stage(self, text: str) -> None:
        super().stage(text)
        self._staged = bool(text)
        self._output.condition(text)

    def notice(self, text: str) -> None:
        self._output.notice(text)

    def _make(self, title: str, total_bytes: int | None, **options: Any) -> tqdm[Any]:
        return super()._make(
            title,
            total_bytes,
            file=self._written,
            mininterval=CELL_EVERY_S,
            dynamic_ncols=False,
            ncols=CELL_COLUMNS,
            ascii=False,
            disable=False,
            **options,
        )

    async def _publish_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(CELL_EVERY_S / 2)
            if self._staged and self._is_shown and self._bar is not None:
                # no bytes go meanwhile, so tqdm itself would not draw it
                self._staged = False
                self._bar.refresh()
            await self._publish()

    async def _publish(self) -> None:
        text = self._written.take()
        if text:
            await self._output.publish(Stream("stdout", text))
