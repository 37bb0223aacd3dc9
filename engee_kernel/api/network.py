"""The way to the network under httpcore, by asyncio alone: for cells of a millisecond and files of a gigabyte.

httpcore's own goes through anyio, which costs a small request as much as all the rest of httpcore, takes a large reply
in quarters of what asyncio hands over, and copies what is left of it each time.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, cast

import httpcore

# a second name is tried when the first has not answered for so long (RFC 8305)
NEXT_ADDRESS_AFTER_S = 0.25
# a connection that nobody waits for any more
GIVEN_UP_AFTER_S = 0.5
# what waits to be read before the peer is made to wait
UNREAD_BYTES = 1 << 20
# httpcore asks for so much when it reads for its parser, which takes any length
BULK_BYTES = 1 << 16
# what the system keeps unsent: more (up to 4 MiB) would be told as sent before it is, and sends more slowly
UNSENT_BYTES = 1 << 17
# what is smaller waits for what follows at once: a request's head and body are one packet
SMALL_BYTES = 1 << 14


class AsyncioBackend(httpcore.AsyncNetworkBackend):
    """What httpcore documents as a network backend. Streams belong to the loop that runs when they are made."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        connecting = loop.create_task(
            loop.create_connection(
                _Arrivals,
                host,
                port,
                local_addr=(local_address, 0) if local_address else None,
                happy_eyeballs_delay=NEXT_ADDRESS_AFTER_S,
            )
        )
        try:
            transport, arrivals = await asyncio.wait_for(asyncio.shield(connecting), timeout)
        except asyncio.CancelledError:
            # cancelled at once, asyncio would lose a socket that is connected and not handed over yet
            connecting.add_done_callback(_close)
            loop.call_later(GIVEN_UP_AFTER_S, connecting.cancel)
            raise
        except (asyncio.TimeoutError, TimeoutError) as error:  # the system's own time limit is a TimeoutError as well
            connecting.cancel()
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        connection: socket.socket = transport.get_extra_info("socket")
        for option in socket_options or ():
            connection.setsockopt(*option)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # Windows has none
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        return AsyncioStream(transport, arrivals)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def _close(connecting: asyncio.Task[tuple[asyncio.Transport, _Arrivals]]) -> None:
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result()[0].abort()


class _Arrivals(asyncio.Protocol):
    """What has come and has not been read yet, and whether more may be written."""

    def __init__(self) -> None:
        self.chunks: deque[bytes] = deque()
        self.over = False
        self.failure: Exception | None = None
        self.may_write = True
        self._unread_bytes = 0
        self._is_paused = False
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None

    # Called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.chunks.append(data)
        self._unread_bytes += len(data)
        if self._unread_bytes >= UNREAD_BYTES and not self._is_paused:
            self._is_paused = True
            self._pause(True)
        self._wake()

    def eof_received(self) -> None:
        self.over = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.over = True
        self.failure = exc
        self._wake()

    def pause_writing(self) -> None:
        self.may_write = False

    def resume_writing(self) -> None:
        self.may_write = True
        self._wake()

    # Called by the stream

    def uses(self, transport: asyncio.Transport) -> None:
        """TLS has begun: the connection is paused through another transport from now on."""
        self._transport = transport

    def take(self, most_bytes: int) -> bytes:
        """The first chunk, or the `most_bytes` at its beginning."""
        chunk = self.chunks.popleft()
        if len(chunk) > most_bytes:
            self.chunks.appendleft(chunk[most_bytes:])
            chunk = chunk[:most_bytes]
        self._unread_bytes -= len(chunk)
        if self._is_paused and self._unread_bytes < UNREAD_BYTES // 2:
            self._is_paused = False
            self._pause(False)
        return chunk

    async def changes(self, until: Callable[[], bool], timeout_s: float | None) -> None:
        """Wait until that holds. Raises TimeoutError of asyncio."""
        loop = asyncio.get_running_loop()
        ends_at = None if timeout_s is None else loop.time() + timeout_s
        while not until():
            waiter = self._waiter = loop.create_future()
            timer = None if ends_at is None else loop.call_at(ends_at, _expire, waiter)
            try:
                await waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()

    def _pause(self, pause: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            (self._transport.pause_reading if pause else self._transport.resume_reading)()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(asyncio.TimeoutError())


class AsyncioStream(httpcore.AsyncNetworkStream):
    """One connection. A request on it writes, then reads: never two tasks at a time."""

    def __init__(self, transport: asyncio.Transport, arrivals: _Arrivals) -> None:
        self._transport = transport
        self._arrivals = arrivals
        self._small: list[bytes] = []

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """A bulk read gives all of what asyncio handed over in one piece, however much was asked for."""
        arrivals = self._arrivals
        self._send_small()
        if not arrivals.chunks:
            try:
                await arrivals.changes(lambda: bool(arrivals.chunks) or arrivals.over, timeout)
            except (asyncio.TimeoutError, TimeoutError) as error:
                raise httpcore.ReadTimeout from error
        if arrivals.chunks:
            chunk = arrivals.chunks[0]
            return arrivals.take(max(max_bytes, len(chunk)) if max_bytes >= BULK_BYTES else max_bytes)
        if arrivals.failure is not None:
            raise httpcore.ReadError(str(arrivals.failure)) from arrivals.failure
        return b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        arrivals = self._arrivals
        if arrivals.over or self._transport.is_closing():
            raise httpcore.WriteError(str(arrivals.failure or "the connection is closed"))
        if len(buffer) < SMALL_BYTES:
            if not self._small:
                asyncio.get_running_loop().call_soon(self._send_small)
            self._small.append(bytes(buffer))
            return
        self._send_small()
        self._transport.write(buffer)
        if not arrivals.may_write:
            try:
                await arrivals.changes(lambda: arrivals.may_write or arrivals.over, timeout)
            except (asyncio.TimeoutError, TimeoutError) as error:
                raise httpcore.WriteTimeout from error

    async def aclose(self) -> None:
        # nothing is left to say: a request is closed when its reply is here, or when it is given up
        self._small.clear()
        self._transport.abort()
        await asyncio.sleep(0)

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        if self._arrivals.chunks or self._arrivals.over:  # what has come already would not reach TLS
            await self.aclose()
            raise httpcore.ConnectError("the server does not wait for TLS to begin")
        self._send_small()
        starting = asyncio.get_running_loop().start_tls(
            self._transport, self._arrivals, ssl_context, server_hostname=server_hostname
        )
        try:
            secure = await asyncio.wait_for(starting, timeout)
            if secure is None:
                raise httpcore.ConnectError("the connection was closed while TLS began")
        except (asyncio.TimeoutError, TimeoutError) as error:
            await self.aclose()
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:  # ssl.SSLError is one
            await self.aclose()
            raise httpcore.ConnectError(str(error)) from error
        except BaseException:
            await self.aclose()
            raise
        self._arrivals.uses(secure)
        return AsyncioStream(secure, self._arrivals)

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return bool(self._arrivals.chunks) or self._arrivals.over or self._has_arrivals()
        known = {"client_addr": "sockname", "server_addr": "peername"}
        return self._transport.get_extra_info(known.get(info, info))

    def _has_arrivals(self) -> bool:
        """What the loop has not seen yet: an idle connection that the server has closed meanwhile."""
        descriptor = self._transport.get_extra_info("socket").fileno()
        if descriptor < 0:
            return True
        if not hasattr(select, "poll"):
            return bool(select.select([descriptor], [], [], 0)[0])
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))

    def _send_small(self) -> None:
        if self._small:
            small = b"".join(self._small)
            self._small.clear()
            if not self._transport.is_closing():
                self._transport.write(small)
