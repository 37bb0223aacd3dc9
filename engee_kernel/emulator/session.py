"""One Julia process that plays one Engee session, and the framed channel to it (the frames: see julia/session.jl)."""

from __future__ import annotations

import asyncio
import secrets
import struct
import subprocess
import sys
from pathlib import Path

from .launch import JuliaPlace, Threads, own_group, start_julia
from .outcomes import Failure, Outcome, Value
from .screen import Screen
from .settings import Placement, Settings
from .warden import end_process_tree

WARDEN = Path(__file__).with_name("warden.py")
START_LIMIT_S = 90
END_LIMIT_S = 1.5
READ_AHEAD_BYTES = 1 << 22

_REQUEST = struct.Struct(">IBBQ")
_REPLY_HEAD = struct.Struct(">IBB")
_LENGTH = struct.Struct(">Q")
_LAST_ID = (1 << 32) - 1  # 0 is no request's
_QUOTED, _PRINTED = 1, 2
_PLACES: dict[Placement, int] = {"loop": 0, "default": 4, "interactive": 8}
_PRINTED_KINDS = {ord("o"): "stdout", ord("e"): "stderr"}

# What each session runs before anybody waits: Julia compiles the paths of a value and of an error meanwhile.
_FACTS = "EngeeLocal.facts()"
_WARM_UP = 'error("warm-up")'


class SessionStartError(Exception):
    """Julia did not come up; the message holds the end of what it printed."""


class SessionEndedError(Exception):
    """The Julia process is gone; code in flight may or may not have run to its end."""


_KINDS = {ord("S"): "string", ord("V"): "other", ord("N"): "nothing"}


class JuliaSession:
    """Use `JuliaSession.start`; `ended` is set once the process is gone, whatever the reason."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        warden: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        settings: Settings,
        screen: Screen,
    ) -> None:
        self.ended = asyncio.Event()
        self.started_with = settings.at_start()
        self.threads: Threads
        self._screen = screen
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
    async def start(cls, place: JuliaPlace, settings: Settings, screen: Screen) -> JuliaSession:
        """Raises SessionStartError. `screen` gets what the browser tab is to be shown."""
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
            try:
                process = await start_julia(place, settings, f"{port}:{secret}")
            except OSError as error:
                raise SessionStartError(f"Julia could not be started: {error}") from error
            warden = await _start_warden(process.pid, place.log_path.parent)
            try:
                reader, writer = await _first_connection(connected, process, place.log_path)
            except BaseException:
                end_process_tree(process.pid)
                await process.wait()
                await _dismiss(warden)
                raise
        session = cls(process, warden, reader, writer, settings, screen)
        try:
            await session._learn(settings)
        except BaseException:
            await session.close()
            raise
        return session

    async def _learn(self, settings: Settings) -> None:
        """Raises SessionStartError."""
        try:
            facts = await self.evaluate(_FACTS)
            await self.evaluate(_WARM_UP)
            if settings.background_s is not None:
                await self.set_background(settings.background_s)
        except SessionEndedError as error:
            raise SessionStartError("Julia ended just after its start.") from error
        if not isinstance(facts, Value):
            raise SessionStartError(f"Julia did not tell its threads.\n{facts.full_description}")
        self.threads = Threads.from_text(facts.text)

    async def evaluate(
        self, code: str, *, quoted: bool = False, printed: bool = False, placement: Placement = "loop"
    ) -> Outcome:
        """Run code in the session. Cancelling the wait does not stop the code. Raises SessionEndedError."""
        flags = (_QUOTED if quoted else 0) | (_PRINTED if printed else 0) | _PLACES[placement]
        return await self._request("E", flags, code)

    async def run_line(self, line: str) -> Outcome:
        """Run a line as the browser tab does. Raises SessionEndedError."""
        return await self._request("T", 0, line)

    async def clear_variables(self) -> Outcome:
        """The tab's "Clear all variables". Raises SessionEndedError."""
        return await self.evaluate("EngeeLocal.clear_variables()")

    async def set_background(self, seconds: float | None) -> None:
        """How often Engee's own modules log and print in the background. Raises SessionEndedError."""
        await self.evaluate(f"EngeeLocal.background({seconds or 0})")

    async def _request(self, kind: str, flags: int, code: str) -> Outcome:
        if self.ended.is_set() or self._writer.is_closing():
            raise SessionEndedError("The Julia process has ended.")
        self._last_id = request_id = self._last_id % _LAST_ID + 1
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = future
        source = code.encode("utf-8", "surrogatepass")
        self._writer.write(_REQUEST.pack(request_id, ord(kind), flags, len(source)) + source)
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
        finally:
            self.kill()  # also where nobody waits any more
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
                    fields.append(await reader.readexactly(length))
                if request_id == 0:
                    self._show(kind, fields)
                else:
                    self._answer(request_id, kind, [field.decode("utf-8", "replace") for field in fields])
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

    def _answer(self, request_id: int, kind: int, fields: list[str]) -> None:
        future = self._waiting.pop(request_id)
        if not future.done():
            future.set_result(Failure(*fields) if kind == ord("X") else Value(_KINDS[kind], fields[0]))

    def _show(self, kind: int, fields: list[bytes]) -> None:
        if kind in _PRINTED_KINDS:
            self._screen.print(_PRINTED_KINDS[kind], fields[0])
        else:
            self._screen.display(fields)


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
        **own_group(),
    )


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
