"""Open connections by their two ends, so that a fault can drop one as a broken network would."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

Ends = tuple[object, object]


class Connections:
    def __init__(self) -> None:
        self._open: dict[Ends, asyncio.Transport] = {}

    def drop(self, scope: Scope) -> None:
        """Close the connection of a call without another byte."""
        transport = self._open.get((tuple(scope["client"]), tuple(scope["server"])))
        if transport is not None:
            transport.abort()

    def protocol(self) -> type[H11Protocol]:
        """The protocol for uvicorn that keeps this list: ASGI has no word for dropping a connection."""
        open_connections = self._open

        class TrackedProtocol(H11Protocol):
            def connection_made(self, transport: Any) -> None:
                self._ends = _ends(transport)
                open_connections[self._ends] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                open_connections.pop(self._ends, None)
                super().connection_lost(exc)

        return TrackedProtocol


def _ends(transport: asyncio.Transport) -> Ends:
    return tuple(transport.get_extra_info("peername")[:2]), tuple(transport.get_extra_info("sockname")[:2])
