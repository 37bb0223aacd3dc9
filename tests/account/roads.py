"""The way to Engee in a company: a real CONNECT proxy, and a TLS front before what answers in Engee's place."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from urllib.parse import urlsplit

HOST = "engee.test"  # no name server knows it: only the proxy leads there
START_LIMIT_S = 20


class Roads:
    """A TLS front for the address `url`, and a proxy that takes every CONNECT to it."""

    def __init__(self, url: str, tls: ssl.SSLContext) -> None:
        self._target = urlsplit(url)
        self._tls = tls
        self.asked: list[str] = []
        self.front_port = self.proxy_port = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Roads:
        self._thread.start()
        assert self._ready.wait(START_LIMIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(START_LIMIT_S)

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        front = await asyncio.start_server(self._pass_on, "127.0.0.1", 0, ssl=self._tls)
        proxy = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.front_port = front.sockets[0].getsockname()[1]
        self.proxy_port = proxy.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        front.close()
        proxy.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = await asyncio.open_connection(self._target.hostname, self._target.port)
        await _both_ways((reader, writer), target, rename=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.split("\r\n")[0].split(" ")
        self.asked.append(f"{method} {target}")
        assert method == "CONNECT"
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await _both_ways((reader, writer), await asyncio.open_connection("127.0.0.1", self.front_port))


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _both_ways(one: Ends, other: Ends, *, rename: bool = False) -> None:
    """`rename`: the local Engee knows its own name only."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while part := await reader.read(65536):
                writer.write(part.replace(f"Host: {HOST}".encode(), b"Host: 127.0.0.1") if rename else part)
                await writer.drain()
        writer.close()

    await asyncio.gather(copy(one[0], other[1]), copy(other[0], one[1]))
