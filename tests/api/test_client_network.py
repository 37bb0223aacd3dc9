"""The network under httpcore: pieces as large as they come, packets as few as they can be, and how it fails."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpcore
import httpx
import pytest
import trustme
from client_kinds import ClientFactory
from scripted_server import INFO, ScriptedServer, http_reply

from engee_kernel.api import network
from engee_kernel.api.client import EngeeClient
from engee_kernel.api.network import BULK_BYTES, SMALL_BYTES, AsyncioBackend, AsyncioStream
from engee_kernel.api.pool import AT_ONCE_BYTES, DirectTransport
from engee_kernel.facts.errors import ReplyLostError, UnreachableError

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LIMIT_S = 10.0
PROXY_VARIABLES = [
    name for upper in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY") for name in (upper, upper.lower())
]


@asynccontextmanager
async def serving(serve: Serve, **options: Any) -> AsyncIterator[int]:
    """The port of a server whose connections are closed when `serve` ends."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except ConnectionError:
            pass  # the client went away: the test sees that for itself
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, **options)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def stream_to(port: int) -> AsyncIterator[httpcore.AsyncNetworkStream]:
    stream = await AsyncioBackend().connect_tcp("127.0.0.1", port, timeout=LIMIT_S)
    try:
        yield stream
    finally:
        await stream.aclose()


async def until_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


# Connecting


async def test_a_connection_that_is_given_up_is_closed() -> None:
    """At whatever point: asyncio by itself loses a socket that has connected and is not handed over yet."""
    async with serving(until_closed) as port:
        with warnings.catch_warnings(record=True) as left_open:
            warnings.simplefilter("always", ResourceWarning)
            for turns in range(12):
                connecting = asyncio.ensure_future(AsyncioBackend().connect_tcp("127.0.0.1", port, timeout=LIMIT_S))
                for _ in range(turns):
                    await asyncio.sleep(0)
                connecting.cancel()
                [outcome] = await asyncio.gather(connecting, return_exceptions=True)
                if not isinstance(outcome, BaseException):
                    await outcome.aclose()
            await asyncio.sleep(2 * network.GIVEN_UP_AFTER_S)
            gc.collect()
    assert not left_open, [str(warning.message) for warning in left_open]


# Reading


async def test_a_bulk_read_takes_all_that_came_in_one_piece() -> None:
    sent = bytes(range(256)) * (2**22 // 256)

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()

    pieces: list[bytes] = []
    async with serving(send) as port, stream_to(port) as stream:
        while piece := await stream.read(BULK_BYTES, timeout=LIMIT_S):
            pieces.append(piece)
    assert b"".join(pieces) == sent
    assert max(map(len, pieces)) > BULK_BYTES, "each piece costs a turn through all layers"


async def test_httpcore_reads_in_bulk() -> None:
    assert BULK_BYTES <= httpcore.AsyncHTTP11Connection.READ_NUM_BYTES


async def test_a_small_read_takes_no_more_than_it_asked_for() -> None:
    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"0123456789")
        await reader.read()

    async with serving(send) as port, stream_to(port) as stream:
        assert [await stream.read(4, timeout=LIMIT_S) for _ in range(3)] == [b"0123", b"4567", b"89"]


async def test_what_nobody_reads_makes_the_server_wait() -> None:
    size, gone = 2**26, 0

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal gone
        for _ in range(size // 2**20):
            writer.write(bytes(2**20))
            await writer.drain()
            gone += 2**20

    async with serving(send) as port, stream_to(port) as stream:
        received = len(await stream.read(BULK_BYTES, timeout=LIMIT_S))
        before = -1
        while before != gone:  # until no more goes out
            before = gone
            await asyncio.sleep(0.2)
        assert gone < size // 2, "the rest of a large file would lie in memory"
        while piece := await stream.read(BULK_BYTES, timeout=LIMIT_S):
            received += len(piece)
    assert received == size


async def test_a_read_has_a_time_limit_and_what_comes_later_is_not_lost() -> None:
    go = asyncio.Event()

    async def send_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        writer.write(b"late")
        await reader.read()

    async with serving(send_late) as port, stream_to(port) as stream:
        with pytest.raises(httpcore.ReadTimeout):
            await stream.read(BULK_BYTES, timeout=0.05)
        go.set()
        assert await stream.read(BULK_BYTES, timeout=LIMIT_S) == b"late"


async def test_a_reset_gives_what_came_before_and_then_an_error() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"before")
        await reader.readexactly(4)
        writer.transport.abort()  # with input that nobody took: a reset

    async with serving(reset) as port, stream_to(port) as stream:
        assert await stream.read(BULK_BYTES, timeout=LIMIT_S) == b"before"
        await stream.write(b"take" + bytes(SMALL_BYTES), timeout=LIMIT_S)
        try:
            assert await stream.read(BULK_BYTES, timeout=LIMIT_S) == b""
        except httpcore.ReadError:
            pass  # which of the two the system tells is its own affair
        with pytest.raises(httpcore.WriteError):
            await stream.write(b"more", timeout=LIMIT_S)


# Writing


class Written(asyncio.Transport):
    """Keeps what is handed to it."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def write(self, data: Any) -> None:
        self.pieces.append(bytes(data))

    def is_closing(self) -> bool:
        return False


async def test_a_request_is_one_packet() -> None:
    transport = Written()
    stream = AsyncioStream(transport, network._Arrivals())
    await stream.write(b"head ")
    await stream.write(b"and body")
    assert transport.pieces == []
    with pytest.raises(httpcore.ReadTimeout):
        await stream.read(BULK_BYTES, timeout=0)
    assert transport.pieces == [b"head and body"]


async def test_what_is_small_goes_out_without_a_read_and_in_its_order() -> None:
    transport = Written()
    stream = AsyncioStream(transport, network._Arrivals())
    await stream.write(b"small ")
    await asyncio.sleep(0)
    assert transport.pieces == [b"small "]
    await stream.write(b"head ")
    await stream.write(b"x" * SMALL_BYTES)
    assert transport.pieces == [b"small ", b"head ", b"x" * SMALL_BYTES]


async def test_a_write_has_a_time_limit() -> None:
    async def never_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(LIMIT_S)

    async with serving(never_read, limit=1) as port, stream_to(port) as stream:
        with pytest.raises(httpcore.WriteTimeout):
            for _ in range(64):
                await stream.write(bytes(2**20), timeout=0.2)


@pytest.mark.skipif(not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="the system keeps as much as it wants")
async def test_what_the_server_does_not_take_is_not_said_to_be_sent() -> None:
    sent = 0

    async def never_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(LIMIT_S)

    async with serving(never_read, limit=1) as port, stream_to(port) as stream:
        with pytest.raises(httpcore.WriteTimeout):
            while sent < 2**22:
                await stream.write(bytes(2**16), timeout=0.5)
                sent += 2**16
    assert sent < 2**20, "a short file's progress would be 100 % at once"


# Connections


async def test_an_idle_connection_that_was_closed_is_seen_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stream = await AsyncioBackend().connect_tcp("127.0.0.1", listening.getsockname()[1], timeout=LIMIT_S)
        accepted, _ = listening.accept()
        assert not stream.get_extra_info("is_readable")
        accepted.close()  # and the loop has had no turn since
        assert stream.get_extra_info("is_readable"), "a request would be sent into a dead connection"
        await stream.aclose()
        assert stream.get_extra_info("is_readable")


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(httpcore.ConnectError):
        await AsyncioBackend().connect_tcp("127.0.0.1", port, timeout=LIMIT_S)


async def test_connecting_has_a_time_limit() -> None:
    async with serving(until_closed) as port:
        with pytest.raises(httpcore.ConnectTimeout):
            await AsyncioBackend().connect_tcp("127.0.0.1", port, timeout=0)


async def test_a_cancelled_request_leaves_the_pool_usable() -> None:
    async def answer_the_second(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/first" in head:
            await reader.read()
        else:
            writer.write(http_reply(body={"fine": True}))

    async with serving(answer_the_second) as port:
        transport = DirectTransport(ssl.create_default_context(), httpx.Limits(max_connections=1))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{port}") as http:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(http.get("/first"), 0.2)
            assert (await http.get("/second")).json() == {"fine": True}


@pytest.mark.parametrize("size", [0, 1, AT_ONCE_BYTES, AT_ONCE_BYTES + 1, 2**20])
@pytest.mark.parametrize("with_length", [True, False])
async def test_bodies_of_all_sizes(scripted: ScriptedServer, size: int, with_length: bool) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    head = f"Content-Length: {size}\r\n" if with_length else ""
    scripted.replies["/x"] = f"HTTP/1.1 200 OK\r\nConnection: close\r\n{head}\r\n".encode() + body
    transport = DirectTransport(ssl.create_default_context(), httpx.Limits())
    async with httpx.AsyncClient(transport=transport) as http:
        assert (await http.get(f"{scripted.url}/x")).content == body


@pytest.mark.parametrize("length", [10, AT_ONCE_BYTES + 10])
async def test_a_body_cut_short(scripted: ScriptedServer, client_of: ClientFactory, length: int) -> None:
    scripted.replies["/prefix/external/command/eval"] = (
        f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode() + b'{"result'
    )
    with pytest.raises(ReplyLostError):
        await client_of(scripted).eval("1")


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@asynccontextmanager
async def serving_tls(authority: trustme.CA, body: bytes) -> AsyncIterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http_reply(body=body))
        await writer.drain()

    async with serving(answer, ssl=context) as port:
        yield port


async def test_a_reply_over_tls(authority: trustme.CA) -> None:
    body = bytes(range(256)) * (2**22 // 256)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    transport = DirectTransport(trusting, httpx.Limits())
    async with serving_tls(authority, body) as port, httpx.AsyncClient(transport=transport) as http:
        assert (await http.get(f"https://localhost:{port}/")).content == body


async def test_a_certificate_that_is_not_trusted(authority: trustme.CA, client_of: ClientFactory) -> None:
    async with serving_tls(authority, b"{}") as port:
        client = EngeeClient(f"https://localhost:{port}", "pat-some", retry_bound_s=0)
        with pytest.raises(UnreachableError) as caught:
            await client.status()
        await client.close()
    assert "SSL_CERT_FILE" in caught.value.hint


@pytest.mark.parametrize("first", [True, False])
async def test_what_does_not_speak_tls(first: bool) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not first:
            await reader.read(1)
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await reader.read()

    async with serving(speak) as port, stream_to(port) as stream:
        await asyncio.sleep(0.1)
        with pytest.raises(httpcore.ConnectError):
            await stream.start_tls(ssl.create_default_context(), "localhost", timeout=LIMIT_S)


async def test_tls_that_never_begins_has_a_time_limit() -> None:
    async with serving(until_closed) as port, stream_to(port) as stream:
        with pytest.raises(httpcore.ConnectTimeout):
            await stream.start_tls(ssl.create_default_context(), "localhost", timeout=0.1)


# Proxies


async def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(http_reply(403))

    async with serving(refuse) as port:
        for name in PROXY_VARIABLES:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("NO_PROXY", "spared.invalid")
        through = EngeeClient("https://engee.invalid", "pat-proxied", retry_bound_s=0)
        beside = EngeeClient("https://spared.invalid", "pat-proxied", retry_bound_s=0)
        for client in (through, beside):
            with pytest.raises(UnreachableError):
                await client.status()
            await client.close()
    assert [head.split(b"\r\n")[0] for head in asked] == [b"CONNECT engee.invalid:443 HTTP/1.1"]
    assert b"pat-proxied" not in asked[0]


async def test_without_a_proxy_the_connection_is_ours(
    scripted: ScriptedServer, client_of: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which transport httpx takes shows in how it connects."""
    connected: list[str] = []
    connect = AsyncioBackend.connect_tcp

    async def counted(self: AsyncioBackend, host: str, *more: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        connected.append(host)
        return await connect(self, host, *more, **options)

    monkeypatch.setattr(AsyncioBackend, "connect_tcp", counted)
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    await client_of(scripted).status()
    away = EngeeClient("https://engee.invalid", "pat-some", retry_bound_s=0)
    with pytest.raises(UnreachableError):
        await away.status()
    await away.close()
    assert connected == ["127.0.0.1", "engee.invalid"]
    assert len(scripted.calls(INFO)) == 1
