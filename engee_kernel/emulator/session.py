"""One Julia process that plays one Engee session, and the framed channel to it (the frames: see julia/session.jl)."""

from __future__ import annotations

import asyncio
import os
import secrets
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .userfolder import UserFolder
from .warden import end_process_tree

SCRIPT = Path(__file__).with_name("julia") / "session.jl"
WARDEN = Path(__file__).with_name("warden.py")
START_LIMIT_S = 90
END_LIMIT_S = 1.5
READ_AHEAD_BYTES = 1 << 22

_REQUEST = struct.Struct(">IBBQ")
_REPLY_HEAD = struct.Struct(">IBB")
_LENGTH = struct.Struct(">Q")
_QUOTED, _PRINTED = 1, 2

# What each session runs before anybody waits: Julia compiles the paths of a value and of an error.
_WARM_UP = ("string(1 + 1)", 'error("warm-up")')


class SessionStartError(Exception):
    """Julia did not come up; the message holds the end of what it printed."""


class SessionEndedError(Exception):
    """The Julia process is gone; code in flight may or may not have run to its end."""


@dataclass(frozen=True)
class Value:
    """The last value's text. `kind` is "nothing", "string" or "other"."""

    kind: str
    text: str


@dataclass(frozen=True)
class Failure:
    """The error triple of the contract."""

    type: str
    short_description: str
    full_description: str


Outcome = Value | Failure

_KINDS = {ord("S"): "string", ord("V"): "other", ord("N"): "nothing"}


class JuliaSession:
    """Use `JuliaSession.start`; `ended` is set once the process is gone, whatever the reason."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        warden: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.ended = asyncio.Event()
        self._process = process
        self._warden = warden
        self._reader = reader
        self._writer = writer
        self._waiting: dict[int, asyncio.Future[Outcome]] = {}
        self._last_id = 0
        self._reading = asyncio.create_task(self._read_replies())

    @property
    def pid(self) -> int:
        return self._process.pid

    @classmethod
    async def start(cls, julia: Path, folder: UserFolder, log_path: Path) -> JuliaSession:
        """Raises SessionStartError. `log_path` gets what Julia prints outside of any capture."""
        secret = secrets.token_hex(16)
        connected: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                greeting = await asyncio.wait_for(reader.readexactly(len(secret)), START_LIMIT_S)
            except (asyncio.IncompleteReadError, ConnectionError, asyncio.TimeoutError):
                greeting = b""
            if secrets.compare_digest(greeting, secret.encode("ascii")):
                connected.put_nowait((reader, writer))
            else:
                writer.close()

        listener = await asyncio.start_server(greet, "127.0.0.1", 0, limit=READ_AHEAD_BYTES)
        async with listener:
            port = listener.sockets[0].getsockname()[1]
            process = await _start_julia(julia, folder, log_path, f"{port}:{secret}")
            warden = await _start_warden(process.pid, log_path.parent)
            try:
                reader, writer = await _first_connection(connected, process, log_path)
            except BaseException:
                end_process_tree(process.pid)
                await process.wait()
                await _dismiss(warden)
                raise
        session = cls(process, warden, reader, writer)
        for code in _WARM_UP:
            await session.evaluate(code)
        return session

    async def evaluate(self, code: str, *, quoted: bool = False, printed: bool = False) -> Outcome:
        """Run code in the session. Cancelling the wait does not stop the code. Raises SessionEndedError."""
        if self.ended.is_set() or self._writer.is_closing():
            raise SessionEndedError("The Julia process has ended.")
        self._last_id = request_id = (self._last_id + 1) % (1 << 32)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = future
        source = code.encode("utf-8", "surrogatepass")
        flags = (_QUOTED if quoted else 0) | (_PRINTED if printed else 0)
        self._writer.write(_REQUEST.pack(request_id, ord("E"), flags, len(source)) + source)
        return await future

    async def close(self) -> None:
        """End Julia: politely by closing its channel, then for good. Nothing of it is left when this returns."""
        # Half of the channel: closing all of it would look like a death, which is answered by a kill.
        if not self._writer.is_closing():
            self._writer.write_eof()
        try:
            await asyncio.wait_for(self._process.wait(), END_LIMIT_S)
        except asyncio.TimeoutError:
            pass
        self.kill()
        await self._reading

    def kill(self) -> None:
        """End Julia and the programs it started at once, as a crash would."""
        end_process_tree(self._process.pid)

    async def _read_replies(self) -> None:
        reader = self._reader
        try:
            while True:
                request_id, kind, count = _REPLY_HEAD.unpack(await reader.readexactly(_REPLY_HEAD.size))
                fields = []
                for _ in range(count):
                    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                    fields.append((await reader.readexactly(length)).decode("utf-8", "replace"))
                future = self._waiting.pop(request_id)
                if not future.done():
                    future.set_result(Failure(*fields) if kind == ord("X") else Value(_KINDS[kind], fields[0]))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # Julia has ended or closed its channel: what follows is the same
        self.kill()
        await self._process.wait()
        self._writer.close()
        await _dismiss(self._warden)
        self.ended.set()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(SessionEndedError("The Julia process ended while this code ran."))
                future.exception()  # whoever still waits gets it; nobody may be left to
        self._waiting.clear()


async def _start_julia(julia: Path, folder: UserFolder, log_path: Path, channel: str) -> asyncio.subprocess.Process:
    environment = dict(os.environ)
    environment["ENGEE_LOCAL_CHANNEL"] = channel
    environment["ENGEE_USER_DIR"] = folder.path_in_julia
    # The empty entry keeps Julia's own load path; the stand-in for JSON comes after it.
    inherited = environment.get("JULIA_LOAD_PATH", "")
    environment["JULIA_LOAD_PATH"] = os.pathsep.join((inherited, str(SCRIPT.parent)))
    options = ("--startup-file=no", "--history-file=no", "--color=no")
    with log_path.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *folder.prefix,
            str(julia),
            *options,
            str(SCRIPT),
            cwd=folder.path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            **_own_group(),
        )


async def _start_warden(pid: int, state_dir: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        str(WARDEN),
        str(pid),
        str(state_dir),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **_own_group(),
    )


def _own_group() -> dict[str, Any]:
    """Ctrl-C in the terminal is for the local Engee alone; its children end when it tells them to."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


async def _dismiss(warden: asyncio.subprocess.Process) -> None:
    if warden.returncode is None:
        warden.kill()
    await warden.wait()


async def _first_connection(
    connected: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]],
    process: asyncio.subprocess.Process,
    log_path: Path,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    connection = asyncio.create_task(connected.get())
    exit_code = asyncio.create_task(process.wait())
    done, pending = await asyncio.wait(
        {connection, exit_code}, timeout=START_LIMIT_S, return_when=asyncio.FIRST_COMPLETED
    )
    for task in pending:
        task.cancel()
    if connection in done:
        return connection.result()
    printed = await asyncio.to_thread(log_path.read_text, encoding="utf-8", errors="replace")
    reason = f"ended with code {exit_code.result()}" if exit_code in done else f"said nothing in {START_LIMIT_S} s"
    raise SessionStartError(f"Julia {reason} while it started.\n{printed[-2000:].strip()}")
