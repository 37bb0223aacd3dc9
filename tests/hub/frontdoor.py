"""One address of Engee for several people: each call goes to the local Engee whose token it carries.

A local Engee has one account, as Engee's own address has many.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engee_kernel.emulator.process import LocalEngee

INFO = "/account/api/engee/info"
METHODS = ["GET", "POST", "DELETE"]
LIMIT_S = 60


class FrontDoor:
    """`engees`: the accounts. What carries no token (the pages of OAuth) goes to the last of them."""

    def __init__(self, engees: Sequence[LocalEngee]) -> None:
        self._engees = engees
        self._of_token: dict[str, LocalEngee] = {}
        self._client = httpx.AsyncClient(trust_env=False, timeout=LIMIT_S)
        app = Starlette(routes=[Route("/{path:path}", self._pass, methods=METHODS)], lifespan=self._life)
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> FrontDoor:
        self._thread.start()
        deadline = time.monotonic() + LIMIT_S
        while not self._server.started:
            assert self._thread.is_alive() and time.monotonic() < deadline, "the front door did not open"
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(LIMIT_S)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    @asynccontextmanager
    async def _life(self, _: Starlette) -> AsyncIterator[None]:
        async with self._client:
            yield

    async def _pass(self, request: Request) -> Response:
        engee = await self._owner(request.headers.get("authorization"))
        reply = await self._client.request(
            request.method,
            engee.url + request.url.path,
            params=request.url.query,
            content=await request.body(),
            headers=[(name, value) for name, value in request.headers.items() if name != "host"],
        )
        return Response(
            reply.content, reply.status_code, {name: reply.headers[name] for name in KEPT & {*reply.headers}}
        )

    async def _owner(self, authorization: str | None) -> LocalEngee:
        if authorization is None:
            return self._engees[-1]
        for engee in self._engees:
            if authorization not in self._of_token:
                asked = await self._client.get(engee.url + INFO, headers={"Authorization": authorization})
                if asked.status_code == 200:
                    self._of_token[authorization] = engee
        return self._of_token.get(authorization, self._engees[-1])


KEPT = {"content-type", "location", "cache-control", "retry-after", "www-authenticate"}
