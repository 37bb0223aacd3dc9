"""HTTP requests to one person's Engee: origins, token, connections, and failures explained.

Rules for this module: it knows addresses and failures, not what replies mean (that is `wire`).
It never repeats a request; whoever calls it knows what may be repeated.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import urljoin
from urllib.request import getproxies
from weakref import WeakKeyDictionary

import httpx

from ..facts.errors import (
    ApiError,
    EngeeError,
    GatewayError,
    NetworkError,
    NotFoundError,
    ReplyLostError,
    ServerNotRunningError,
    TokenRejectedError,
    TokenTooYoungError,
    UnexpectedReplyError,
    UnreachableError,
)
from ..facts.version import __version__
from . import wire
from .auth import BearerAuth
from .credentials import STARS, TokenProvider, origin
from .pool import DirectTransport
from .replies import Reply, raise_for_status
from .retry import is_transient

_parsed = lru_cache(maxsize=64)(httpx.URL)

CONNECT_TIMEOUT_S = 10.0
REPLY_TIMEOUT_S = 30.0
# between the clock of the host that answers and the one that keeps the server's times
CLOCK_MARGIN_S = 1.0
EXPLAINABLE = (401, 403, 404, 500, 502, 503, 504)


class Transport:
    """Requests to the management origin and below the user's prefix, with the token on both.

    Safe to use from several event loops: each has connections of its own (an httpx client shared
    between loops hangs).
    """

    def __init__(self, url: str, tokens: TokenProvider) -> None:
        self.url = url.strip().rstrip("/")
        self.prefix = ""
        self._origins = frozenset({origin(self.url)})
        self._tokens = tokens
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()
        self._asked: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Future[wire.ServerStatus | None]] = (
            WeakKeyDictionary()
        )

    @cached_property
    def _certificates(self) -> ssl.SSLContext:
        """The system's; reading them takes 20 ms, which all loops share."""
        return ssl.create_default_context()

    async def close(self) -> None:
        """Close the connections of the running loop."""
        http = self._loops.pop(asyncio.get_running_loop(), None)
        if http is not None:
            await http.aclose()

    async def manage(self, method: str, path: str, *, timeout_s: float = REPLY_TIMEOUT_S, **parts: Any) -> Reply:
        """A call to the management origin; `parts` as httpx takes them (json, data)."""
        call = f"{method} {path}"
        with translated(call):
            response = await self._http().request(
                method, self.url + path, auth=self._auth(), timeout=_timeouts(timeout_s), **parts
            )
        return _reply(response, call)

    async def status(self) -> wire.ServerStatus:
        """The server's state, asked for once; remembers the user's prefix, which may change."""
        loop = asyncio.get_running_loop()
        asked = self._asked[loop] = loop.create_future()
        status = None
        try:
            status = await self._status()
        finally:
            asked.set_result(status)
            if self._asked.get(loop) is asked:
                del self._asked[loop]
        return status

    async def _status(self) -> wire.ServerStatus:
        status = wire.read_status(await self.manage("GET", wire.INFO, timeout_s=CONNECT_TIMEOUT_S))
        if status.url:
            prefix = urljoin(self.url + "/", status.url).rstrip("/") + "/"
            # checked first: an address that would expose the token must not replace a good one
            self._origins = frozenset({origin(self.url), origin(prefix)})
            self.prefix = prefix
        return status

    async def user(self, method: str, path: str, *, timeout_s: float = REPLY_TIMEOUT_S, **parts: Any) -> Reply:
        """A call below the user's prefix; the reply whatever its status.

        Raises what explains a failure (the server is stopped, the token is too young) where the
        management API knows it.
        """
        call = f"{method} …/{path}"
        async with self.stream(method, path, timeout_s=timeout_s, **parts) as response:
            with translated(call):
                await response.aread()
            return _reply(response, call)

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, *, timeout_s: float = REPLY_TIMEOUT_S, **parts: Any
    ) -> AsyncIterator[httpx.Response]:
        """Like `user`, the body left unread; `timeout_s` then bounds each wait for more of it."""
        call = f"{method} …/{path}"
        if not self.prefix:
            await self._find_prefix()
        sent_at = time.monotonic()
        request = self._http().build_request(method, _parsed(self.prefix + path), timeout=_timeouts(timeout_s), **parts)
        try:
            with translated(call):
                response = await self._http().send(request, auth=self._auth(), stream=True)
        except UnreachableError as error:
            # on some installations the prefix's host goes away with the server
            raise await self._explained(error, sent_at) from error
        try:
            if response.status_code in EXPLAINABLE:
                await self._explain(response, call, sent_at)
            yield response
        finally:
            await response.aclose()

    async def _find_prefix(self) -> None:
        status = None
        asked = self._asked.get(asyncio.get_running_loop())
        if asked is not None:
            # when a kernel starts, its own look and the first cell ask at the same time: one question for both
            await asyncio.wait({asked})
            status = asked.result()
        if status is None:
            status = await self.status()
        if status.down:
            # before the request is sent: then it is certain that nothing has run
            raise _not_running(status)
        if not self.prefix:
            raise UnexpectedReplyError(
                f"{status.sentence} The status names no “url”: there is no address for its calls.",
                "Check that ENGEE_URL is the address of Engee.",
            )

    async def _explain(self, response: httpx.Response, call: str, sent_at: float) -> None:
        """Raise where the management API knows why; return where the reply speaks for itself."""
        with translated(call):
            await response.aread()
        reply = _reply(response, call)
        path_call = call.endswith((wire.UPLOAD, wire.DOWNLOAD))
        try:
            raise_for_status(reply, path_call=path_call)
        except (TokenRejectedError, NotFoundError, GatewayError, UnexpectedReplyError) as error:
            explained = await self._explained(error, sent_at)
            if explained is not error:
                raise explained from error
        except ApiError:
            return  # a refused path: the caller reads it from the reply

    async def _explained(self, error: EngeeError, sent_at: float) -> EngeeError:
        """A better error where the management API knows the reason; else the error itself.

        `sent_at`: when the failed request was sent, by `time.monotonic`.
        """
        try:
            status = await self._status_now()
        except EngeeError:
            return error
        code, call = getattr(error, "status", 0), getattr(error, "call", "")
        if status.down:
            stopped = _not_running(status, status=code, call=call)
            # a server that stops while it runs code is answered for by the same gateway
            down_s = status.down_s
            was_down = down_s is not None and down_s > time.monotonic() - sent_at + CLOCK_MARGIN_S
            stopped.may_have_run = not (was_down or isinstance(error, UnreachableError))
            return stopped
        if isinstance(error, TokenRejectedError):
            return TokenTooYoungError(
                "Engee accepts this token, but the running server does not: "
                "the token was made after the server was started.",
                "Restart the server (variables are lost, files stay): %engee restart in a cell, "
                "or engee-kernel stop and engee-kernel start in a terminal.",
                status=code,
                call=call,
            )
        return error

    async def _status_now(self) -> wire.ServerStatus:
        """Asked for a second time at once: a status call fails in passing now and then."""
        try:
            return await self.status()
        except EngeeError as error:
            if not is_transient(error):
                raise
            return await self.status()

    async def unsigned(self, method: str, path: str, **parts: Any) -> Reply:
        """A call to the management origin that carries no bearer token: the OAuth token exchange."""
        call = f"{method} {path}"
        with translated(call):
            response = await self._http().request(method, self.url + path, timeout=_timeouts(REPLY_TIMEOUT_S), **parts)
        return _reply(response, call)

    def _auth(self) -> BearerAuth:
        return BearerAuth(self._tokens, self._origins)

    def _http(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        http = self._loops.get(loop)
        if http is None or http.is_closed:
            certificates = self._certificates
            limits = httpx.Limits(max_connections=20, max_keepalive_connections=10, keepalive_expiry=30.0)
            direct = DirectTransport(certificates, limits)
            # a proxy of the environment can't reach this machine's loopback, and would read the token there
            hosts = ["localhost", "127.0.0.1", "[::1]"]
            if not getproxies():
                hosts.append("")  # all; else httpx decides by the environment, and its own transport knows proxies
            http = self._loops[loop] = httpx.AsyncClient(
                headers={"User-Agent": f"engee-kernel/{__version__}"},
                follow_redirects=False,  # a token is never sent on to another address
                limits=limits,
                verify=certificates,
                mounts={f"all://{host}": direct for host in hosts},
            )
        return http


def _timeouts(timeout_s: float) -> httpx.Timeout:
    return httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S))


def _reply(response: httpx.Response, call: str) -> Reply:
    body = response.content
    # error pages of proxies may echo the request: what comes back must not carry the token into messages
    token = response.request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
    if token and token in body:
        body = body.replace(token, STARS.encode())
    return Reply(response.status_code, response.headers, body, call)


@contextmanager
def translated(call: str) -> Iterator[None]:
    """httpx's errors as this package's; no URL and no header gets into a message."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
        reason = str(error) or type(error).__name__
        hint = "Check the address (the setting url, ENGEE_URL), the network, and proxy settings (HTTPS_PROXY)."
        if "CERTIFICATE" in reason.upper():
            hint = "The certificate is not trusted here: point SSL_CERT_FILE to your organisation's CA bundle."
        raise UnreachableError(f"Engee can't be reached: {reason}.", hint) from error
    except httpx.TimeoutException as error:
        raise ReplyLostError(f"{call}: no reply within the time limit.", timed_out=True) from error
    except httpx.TransportError as error:
        raise ReplyLostError(
            f"{call}: the connection broke before the reply was complete ({type(error).__name__})."
        ) from error
    except httpx.DecodingError as error:
        raise ReplyLostError(f"{call}: the reply can't be decoded ({error}).") from error
    except httpx.InvalidURL as error:
        raise NetworkError(f"{call}: {type(error).__name__}.") from error


def _not_running(found: wire.ServerStatus, *, status: int = 0, call: str = "") -> ServerNotRunningError:
    hint = (
        "Wait until it runs."
        if found.status == "starting"
        else "Start it: %engee start in a cell, engee-kernel start in a terminal, "
        "or the button in the personal account."
    )
    return ServerNotRunningError(found.sentence, hint, status=status, call=call, server_status=found.status)
