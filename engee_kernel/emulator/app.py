"""The local Engee as an ASGI application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from . import account, code, control, downloads, gateway, management, oauth, tab, uploads
from .context import Emulator, emulator_of
from .gate import Gate
from .replies import response_for

PARTS = (management, code, uploads, downloads, oauth, account, control, tab, gateway)


async def _answer_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    return response_for(error, emulator_of(request).management_url, request.url.path)


def make_app(emulator: Emulator) -> ASGIApp:
    app = Starlette(
        routes=[*(route for part in PARTS for route in part.routes), *gateway.last_routes],
        exception_handlers={HTTPException: _answer_error},
    )
    app.state.emulator = emulator
    # A web page that gives its own name the address of this machine must not be answered (DNS rebinding).
    return TrustedHostMiddleware(Gate(app, emulator), ["127.0.0.1", "localhost"])
