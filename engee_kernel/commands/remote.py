"""A session for one command, and what the keyboard does to it. Not a command itself."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from ..facts.errors import EngeeError
from .connection import remark, settings_of

if TYPE_CHECKING:
    from ..cells.session import Session
    from .terminal import Terminal

INTERRUPTED = 130


@asynccontextmanager
async def session_of(arguments: argparse.Namespace, notebook: str = "") -> AsyncIterator[Session]:
    """A session with the person's settings; `notebook` is what its jobs are noted under. Ctrl-C interrupts it."""
    from ..api.client import EngeeClient  # noqa: PLC0415 - takes time to import
    from ..cells.session import Session  # noqa: PLC0415

    settings = settings_of(arguments)
    async with EngeeClient(settings.url, settings.tokens(remark)) as client:
        session = Session(client, settings.options(), tell=remark, journal=settings.journal(notebook))
        try:
            with _ctrl_c(session):
                yield session
        except EngeeError as error:
            raise for_terminals(error) from error
        finally:
            await session.detach()


@contextmanager
def _ctrl_c(session: Session) -> Iterator[None]:
    """Ctrl-C interrupts the code in Engee; where none is being followed it ends the command."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def interrupt() -> None:
        if session.busy:
            session.interrupt()
        elif task is not None:
            task.cancel()

    def on_signal(number: int, frame: Any) -> None:
        loop.call_soon_threadsafe(interrupt)

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, before)


def for_terminals(error: EngeeError) -> EngeeError:
    """The same error, its hints naming commands instead of magics."""
    for magic, command in (
        ("%engee restart", "engee-kernel stop, then engee-kernel start"),
        ("%engee start", "engee-kernel start"),
        ("%%job", "engee-kernel run --job"),
        ("%jobs", "engee-kernel jobs"),
    ):
        error.hint = error.hint.replace(magic, command)
        error.message = error.message.replace(magic, command)
    return error


def as_json(terminal: Terminal, job_id: str, state: str) -> dict[str, Any]:
    """What a silent terminal has kept of a cell, for scripts."""
    from ..facts.events import Display  # noqa: PLC0415
    from ..records.record import verdict_as_json  # noqa: PLC0415

    return {
        "job_id": job_id,
        "status": terminal.done.status if terminal.done else state,
        **terminal.streams(),
        "displays": [dict(event.data) for event in terminal.events if isinstance(event, Display)],
        **verdict_as_json(terminal.events),
        "statistics": dict(terminal.done.statistics) if terminal.done else {},
    }


def exit_code(terminal: Terminal) -> int:
    status = terminal.done.status if terminal.done else "error"
    return {"ok": 0, "interrupted": INTERRUPTED}.get(status, 1)
