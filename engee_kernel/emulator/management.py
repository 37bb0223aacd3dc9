"""The management calls: info, start, stop."""

from __future__ import annotations

import json
from datetime import datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .context import Emulator, emulator_of, require_management_token
from .moments import utc_text
from .server import ServerNotRunningError


def info_json(emulator: Emulator) -> dict[str, object]:
    server = emulator.server
    settings = server.settings
    timeout_s = server.inactivity_timeout_s

    def text(moment: datetime | None) -> str | None:
        return utc_text(moment, settings.times)

    return {
        "username": emulator.username,
        "serverName": f"local-{emulator.username}",
        "serverId": "00000000-0000-4000-8000-000000000001",
        "url": emulator.session_url,
        "serverStatus": settings.status_word or server.status,
        "startingAt": text(server.starting_at),
        "startedAt": text(server.started_at),
        "stoppingAt": text(server.stopping_at),
        "stoppedAt": text(server.stopped_at),
        "lastActivityAt": text(server.work.last_activity_at),
        # A whole number on the API's page; where times had microseconds, it was a float.
        "inactivityTimeout": timeout_s if settings.times == "milliseconds" else float(timeout_s),
        "stopSessionAt": text(server.session_limit_at),
        "clusterNamespace": {"minimalMode": False},
    }


async def info(request: Request) -> Response:
    require_management_token(request)
    return JSONResponse(info_json(emulator_of(request)))


async def start(request: Request) -> Response:
    require_management_token(request)
    emulator = emulator_of(request)
    timeout_s = _inactivity_timeout_s(await request.body())
    try:
        emulator.server.start(timeout_s)
    except ServerNotRunningError as error:
        raise HTTPException(409, str(error)) from error
    return JSONResponse({"server": emulator.session_url})


async def stop(request: Request) -> Response:
    require_management_token(request)
    emulator_of(request).server.stop()
    return Response(status_code=204)


def _inactivity_timeout_s(body: bytes) -> int | None:
    """From the optional body `{"url": …, "inactivityTimeout": seconds}`. Raises HTTPException."""
    if not body.strip():
        return None
    try:
        fields = json.loads(body)
    except ValueError as error:
        raise HTTPException(400, "The body is not JSON.") from error
    timeout = fields.get("inactivityTimeout") if isinstance(fields, dict) else False
    if timeout is not None and (not isinstance(timeout, int) or isinstance(timeout, bool) or timeout < 0):
        raise HTTPException(400, "inactivityTimeout must be a whole number of seconds.")
    return timeout


routes = [
    Route("/account/api/engee/info", info, methods=["GET"]),
    Route("/account/api/engee/start", start, methods=["POST"]),
    Route("/account/api/engee/stop", stop, methods=["DELETE"]),
]
