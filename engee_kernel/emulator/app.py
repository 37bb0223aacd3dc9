"""The local Engee as an ASGI application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from engee_kernel.emulator import code, control, downloads, management, uploads
from engee_kernel.emulator.context import Emulator
from engee_kernel.emulator.gate import Gate
from engee_kernel.emulator.replies import response_for


async def _answer_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    return response_for(error)


def make_app(emulator: Emulator) -> ASGIApp:
    app = Starlette(
        routes=[*management.routes, *code.routes, *uploads.routes, *downloads.routes, *control.routes],
        exception_handlers={HTTPException: _answer_error},
    )
    app.state.emulator = emulator
    return Gate(app, emulator)
