"""Proxies and private authorities: a real CONNECT proxy and a TLS front before the local Engee."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from person import Profile

from engee_kernel.emulator.process import LocalEngee

HOST = "engee.test"  # no name server knows it: only the proxy leads there
START_LIMIT_S = 20


class Roads:
    """A TLS front for a local Engee, and a proxy that takes every CONNECT to it."""

    def __init__(self, engee: LocalEngee, tls: ssl.SSLContext) -> None:
        self._target = urlsplit(engee.url)
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


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, Path]:
    made = trustme.CA()
    path = tmp_path / "authority.pem"
    made.cert_pem.write_to_path(path)
    return made, path


@pytest.fixture
def roads(local_engee: LocalEngee, authority: tuple[trustme.CA, Path]) -> Iterator[Roads]:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority[0].issue_cert(HOST, "localhost").configure_cert(tls)
    with Roads(local_engee, tls) as made:
        yield made


def test_through_a_proxy_with_a_private_authority(
    profile: Profile, local_engee: LocalEngee, roads: Roads, authority: tuple[trustme.CA, Path]
) -> None:
    profile.at(local_engee).environment |= {
        "ENGEE_URL": f"https://{HOST}",
        "HTTPS_PROXY": f"http://someone:proxy-password@127.0.0.1:{roads.proxy_port}",
        "SSL_CERT_FILE": str(authority[1]),
    }
    profile.secrets.append("proxy-password")
    profile.log_in(local_engee.token)
    assert json.loads(profile.run("status", "--json").stdout)["username"] == "demo"
    assert set(roads.asked) == {f"CONNECT {HOST}:443"}
    done = profile.run("doctor", "--json")
    checks = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
    assert f"http://127.0.0.1:{roads.proxy_port}" in checks["proxy"]["text"]
    assert str(authority[1]) in checks["certificates"]["text"]
    assert checks["connection"]["text"] == "Engee answers, its certificate is trusted"
    assert checks["eval"]["level"] == checks["jobs"]["level"] == "ok"


def test_an_unknown_authority_is_refused_before_the_token_is_sent(
    profile: Profile, local_engee: LocalEngee, roads: Roads
) -> None:
    profile.at(local_engee).environment["ENGEE_URL"] = f"https://localhost:{roads.front_port}"
    done = profile.run("login", "--token-stdin", text=local_engee.token)
    assert done.returncode == 1
    assert "SSL_CERT_FILE" in done.stderr
    assert local_engee.requests() == []
    checks = json.loads(profile.run("doctor", "--json").stdout)["checks"]
    (connection,) = [check for check in checks if check["check"] == "connection"]
    assert connection["level"] == "fail" and "SSL_CERT_FILE" in connection["hint"]


def test_a_certificate_for_another_name_is_refused(
    profile: Profile, local_engee: LocalEngee, roads: Roads, authority: tuple[trustme.CA, Path]
) -> None:
    profile.at(local_engee).environment |= {
        "ENGEE_URL": f"https://127.0.0.1:{roads.front_port}",
        "SSL_CERT_FILE": str(authority[1]),
    }
    done = profile.run("login", "--token-stdin", text=local_engee.token)
    assert done.returncode == 1
    assert local_engee.requests() == []


def test_a_proxy_is_not_asked_for_this_machine(profile: Profile, local_engee: LocalEngee, roads: Roads) -> None:
    proxy = f"http://127.0.0.1:{roads.proxy_port}"
    profile.at(local_engee).environment |= {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "ALL_PROXY": proxy}
    profile.log_in(local_engee.token)
    assert roads.asked == []


def test_a_proxy_that_is_away_is_told(profile: Profile, local_engee: LocalEngee) -> None:
    profile.at(local_engee).environment |= {"ENGEE_URL": f"https://{HOST}", "HTTPS_PROXY": "http://127.0.0.1:9"}
    done = profile.run("login", "--token-stdin", text=local_engee.token)
    assert done.returncode == 1
    assert "HTTPS_PROXY" in done.stderr
