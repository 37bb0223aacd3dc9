"""One local Engee from start to end: its folders, its sockets, its web server, its ready file."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import uvicorn

from .app import make_app
from .context import CLIENT_ID, Emulator
from .launch import JuliaPlace
from .server import EngeeServer
from .settings import Settings
from .tokens import TokenStore
from .userfolder import UserFolder, mounted_user_folder

LIFE_OF_FIRST_TOKEN_S = 365 * 86400
LOOKS_EVERY_S = 1.0


@dataclass(frozen=True)
class Options:
    """What can't be changed while it runs. Ports: 0 = chosen by the system; `session_port` None = the same port."""

    julia: Path
    user_dir: Path
    port: int = 0
    session_port: int | None = None
    token: str | None = None
    starts_running: bool = True
    ready_file: Path | None = None
    ends_with: int | None = None
    """A process's number: its end is this one's too, however it ends."""


class _WebServer(uvicorn.Server):
    """Leaves signals to us: uvicorn would raise them again before Julia is ended."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class StartError(Exception):
    """The local Engee could not start; the message says why."""


async def serve(options: Options, settings: Settings, announce: Callable[[Emulator, UserFolder], None]) -> None:
    """Run until a signal ends it. Raises StartError. `announce` is called once the server answers."""
    with (
        _ended_by_signals() as ending,
        tempfile.TemporaryDirectory(prefix="local-engee-", ignore_cleanup_errors=True) as state,
        contextlib.ExitStack() as sockets,
    ):
        state_dir = Path(state)
        (state_dir / "root").mkdir()
        folder = await asyncio.to_thread(mounted_user_folder, options.user_dir, state_dir / "root")
        listening = [sockets.enter_context(_listen(options.port))]
        if options.session_port is not None:
            listening.append(sockets.enter_context(_listen(options.session_port)))
        tokens = TokenStore()
        first_token = tokens.make("pat", LIFE_OF_FIRST_TOKEN_S, name="first", secret=options.token)
        emulator = Emulator(
            server=EngeeServer(JuliaPlace(options.julia, folder, state_dir / "session.log"), settings),
            tokens=tokens,
            first_token=first_token,
            state_dir=state_dir,
            management_url=_origin(listening[0]),
            session_origin=_origin(listening[-1]),
            starts_running=options.starts_running,
            first_settings=settings,
        )
        web = _WebServer(
            uvicorn.Config(
                make_app(emulator),
                http=emulator.connections.protocol(),
                log_level="warning",
                access_log=False,
                lifespan="off",
                timeout_keep_alive=75,  # as the proxy in front of Engee would
                timeout_graceful_shutdown=1,
            )
        )
        try:
            await _run(web, listening, emulator, options, announce=announce, ending=ending)
        finally:
            await emulator.server.close()
            if options.ready_file is not None:
                options.ready_file.unlink(missing_ok=True)


async def _run(
    web: _WebServer,
    listening: list[socket.socket],
    emulator: Emulator,
    options: Options,
    *,
    announce: Callable[[Emulator, UserFolder], None],
    ending: asyncio.Event,
) -> None:
    serving = asyncio.create_task(web.serve(sockets=listening))
    ended = asyncio.create_task(ending.wait())
    watching = asyncio.create_task(_end_with(options.ends_with, ending)) if options.ends_with is not None else None
    try:
        while not web.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        if options.starts_running and not ending.is_set():
            emulator.server.start()
            settled = asyncio.create_task(emulator.server.settled())
            await asyncio.wait({settled, ended}, return_when=asyncio.FIRST_COMPLETED)
            settled.cancel()
            if emulator.server.failure is not None:
                raise StartError(emulator.server.failure)
        if not ending.is_set():
            if options.ready_file is not None:
                _write_ready_file(options.ready_file, emulator)
            announce(emulator, emulator.server.folder)
        await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended.cancel()
        if watching is not None:
            watching.cancel()
        # Julia first: calls that wait for it are answered then, and the web server has nothing to wait for.
        await emulator.server.close()
        web.should_exit = True
        await serving


async def _end_with(number: int, ending: asyncio.Event) -> None:
    while _runs(number):  # noqa: ASYNC110 - the system has no event for it
        await asyncio.sleep(LOOKS_EVERY_S)
    ending.set()


def _runs(number: int) -> bool:
    try:
        return str(psutil.Process(number).status()) != psutil.STATUS_ZOMBIE  # type: ignore[no-untyped-call]
    except psutil.NoSuchProcess:
        return False


def _listen(port: int) -> socket.socket:
    # The protocol is named because asyncio sets TCP_NODELAY only where it sees it: 40 ms per call otherwise.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":  # there it would let two programs share the port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise StartError(f"Port {port} cannot be used: {error.strerror}. Choose another with --port.") from error
    return listener


def _origin(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def _write_ready_file(path: Path, emulator: Emulator) -> None:
    ready = {
        "url": emulator.management_url,
        "session_url": emulator.session_url,
        "token": emulator.first_token.secret,
        "control_key": emulator.control_key,
        "client_id": CLIENT_ID,
        "client_secret": emulator.client_secret,
        "user_dir": str(emulator.server.folder.path),
        "user_is_mounted": emulator.server.folder.is_mounted,
        "session_log": str(emulator.state_dir / "session.log"),
        "pid": os.getpid(),
    }
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(ready, file)
    beside.replace(path)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[asyncio.Event]:
    """The event that Ctrl-C, SIGTERM or a closed terminal sets."""
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end(_number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(ending.set)

    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
