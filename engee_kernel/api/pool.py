"""Connections for httpx that go straight to the server: httpcore's pool on a network backend of our own.

httpx's transport takes no backend, so this is one of ours, as httpx documents it. What proxies need stays with httpx's.
"""

from __future__ import annotations

import asyncio
import codecs
import math
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpcore
import httpx

from .network import AsyncioBackend

AT_ONCE_BYTES = 1 << 16

_NAMES = (
    "TimeoutException",
    "ConnectTimeout",
    "ReadTimeout",
    "WriteTimeout",
    "PoolTimeout",
    "NetworkError",
    "ConnectError",
    "ReadError",
    "WriteError",
    "ProxyError",
    "UnsupportedProtocol",
    "ProtocolError",
    "LocalProtocolError",
    "RemoteProtocolError",
)
_OF_HTTPX: dict[type[BaseException], type[httpx.TransportError]] = {
    getattr(httpcore, name): getattr(httpx, name) for name in _NAMES
}


class DirectTransport(httpx.AsyncBaseTransport):
    """Belongs to the event loop in which it is used first."""

    def __init__(self, ssl_context: ssl.SSLContext, limits: httpx.Limits) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=AsyncioBackend(),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        sent = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _as_httpx():
            reply = await self._pool.handle_async_request(sent)
            whole = await _whole(reply) if _length(reply) <= AT_ONCE_BYTES else None
        body = None if whole is not None else _Body(reply)
        return httpx.Response(
            reply.status, headers=reply.headers, content=whole, stream=body, extensions=reply.extensions
        )

    async def aclose(self) -> None:
        with _as_httpx():
            await self._pool.aclose()


def rehearse() -> None:
    """Load what a first request would load: for a process that makes it in a thread while another one loads packages.

    Before Python 3.13 a package that two threads load at once can fail in one of them.
    """
    codecs.lookup("idna")
    reply = [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]

    async def request() -> None:
        async with httpcore.AsyncConnectionPool(network_backend=httpcore.AsyncMockBackend(reply)) as pool:
            await pool.request("GET", "http://127.0.0.1/")

    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(request())
    finally:
        loop.close()


class _Body(httpx.AsyncByteStream):
    def __init__(self, reply: httpcore.Response) -> None:
        self._reply = reply

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx():
            async for piece in self._reply.aiter_stream():
                yield piece

    async def aclose(self) -> None:
        with _as_httpx():
            await self._reply.aclose()


async def _whole(reply: httpcore.Response) -> bytes:
    """A small body at once: handing its pieces up from iterator to iterator costs more than all of them."""
    try:
        return await reply.aread()
    finally:
        await reply.aclose()


def _length(reply: httpcore.Response) -> float:
    """The body's length as the head says it; infinite where it does not."""
    lengths = [value for name, value in reply.headers if name.lower() == b"content-length"]
    return int(lengths[0]) if lengths else math.inf


@contextmanager
def _as_httpx() -> Iterator[None]:
    """httpcore's errors under the names that httpx has for them."""
    try:
        yield
    except tuple(_OF_HTTPX) as error:
        found = next(_OF_HTTPX[kind] for kind in type(error).__mro__ if kind in _OF_HTTPX)  # the most specific one
        raise found(str(error)) from error
