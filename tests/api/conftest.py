"""Clients of a local Engee, and servers that answer what no Engee should."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from client_kinds import ClientFactory
from scripted_server import ScriptedServer

from engee_kernel.api.client import EngeeClient
from engee_kernel.emulator.process import LocalEngee


@pytest.fixture
async def client_of() -> AsyncIterator[ClientFactory]:
    """`client_of(engee, token=…, retry_bound_s=…)`: a client that is closed after the test."""
    made: list[EngeeClient] = []

    def make(engee: LocalEngee | ScriptedServer, token: str | None = None, **options: object) -> EngeeClient:
        made.append(EngeeClient(engee.url, token or engee.token, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture
def client(local_engee: LocalEngee, client_of: ClientFactory) -> EngeeClient:
    """A client of the shared local Engee."""
    return client_of(local_engee)


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedServer]:
    """An HTTP server that answers by script and keeps what it was sent."""
    async with ScriptedServer() as server:
        yield server
