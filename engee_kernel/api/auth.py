"""The bearer token on its way out: to the two known origins only, another one tried after a 401 while there is one."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx

from .credentials import TokenProvider, origin

# a refreshed token and then every other source of tokens: a bound, not an aim
MOST_TRIES = 8


class BearerAuth(httpx.Auth):
    """Adds `Authorization: Bearer …` to requests for `origins`."""

    def __init__(self, tokens: TokenProvider, origins: frozenset[str]) -> None:
        self._tokens = tokens
        self._origins = origins

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Called by httpx around each request."""
        if origin(f"{request.url.scheme}://{request.url.netloc.decode('ascii')}") not in self._origins:
            yield request
            return
        token = await self._tokens.token()
        for _ in range(MOST_TRIES):
            request.headers["Authorization"] = f"Bearer {token.reveal()}"
            response = yield request
            if response.status_code != 401:
                return
            renewed = await self._tokens.renewed(token)
            if renewed is None:
                return
            token = renewed
