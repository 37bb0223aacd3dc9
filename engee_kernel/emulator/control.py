"""`/_emulator/…`: what only a local Engee has. Switches, faults, the request log, tokens, a crash on demand."""

from __future__ import annotations

import dataclasses
import hmac
import json
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .context import Emulator, emulator_of
from .faults import Fault, FaultError, FaultPlan
from .moments import now
from .server import ServerNotRunningError
from .settings import SettingError


def require_control_key(request: Request) -> Emulator:
    emulator = emulator_of(request)
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), emulator.control_key.encode()):
        raise HTTPException(401, "Control calls need the control key of the ready file.")
    return emulator


async def read_config(request: Request) -> Response:
    return JSONResponse(require_control_key(request).server.settings.to_json())


async def change_config(request: Request) -> Response:
    emulator = require_control_key(request)
    changes = await control_fields(request)
    try:
        emulator.server.change_settings(emulator.server.settings.replaced(changes))
    except SettingError as error:
        raise HTTPException(400, str(error)) from error
    return JSONResponse(emulator.server.settings.to_json())


async def read_faults(request: Request) -> Response:
    plan = require_control_key(request).faults
    return JSONResponse({"faults": [fault.to_json() for fault in plan.faults]})


async def replace_faults(request: Request) -> Response:
    emulator = require_control_key(request)
    fields = await control_fields(request)
    faults, seed = fields.get("faults", []), fields.get("seed", 0)
    if not isinstance(faults, list) or not isinstance(seed, int):
        raise HTTPException(400, "faults must be a list and seed a whole number.")
    try:
        emulator.faults = FaultPlan([Fault.from_json(fault) for fault in faults], seed)
    except FaultError as error:
        raise HTTPException(400, str(error)) from error
    return JSONResponse({"faults": [fault.to_json() for fault in emulator.faults.faults]})


async def read_requests(request: Request) -> Response:
    emulator = require_control_key(request)
    return JSONResponse({"requests": [entry.to_json() for entry in emulator.log]})


async def read_state(request: Request) -> Response:
    server = require_control_key(request).server
    session = server.session
    return JSONResponse(
        {
            "status": server.status,
            "julia_pid": None if session is None else session.pid,
            "julia_threads": None if session is None else dataclasses.asdict(session.threads),
            "failure": server.failure,
        }
    )


async def kill_julia(request: Request) -> Response:
    emulator = require_control_key(request)
    try:
        emulator.server.kill_julia()
    except ServerNotRunningError as error:
        raise HTTPException(409, str(error)) from error
    return JSONResponse({})


async def reset(request: Request) -> Response:
    """Back to how it was started; answers when the server has the state it was started with."""
    emulator = require_control_key(request)
    server = emulator.server
    fields = await control_fields(request)
    emulator.tokens.forget(emulator.first_token)
    emulator.faults = FaultPlan()
    await server.settled()
    settings = emulator.first_settings
    if fields.get("new_session") or not emulator.starts_running or server.needs_new_julia(settings):
        server.stop()
        await server.settled()
    server.change_settings(settings)
    if emulator.starts_running:
        server.start(server.settings.inactivity_timeout_s)
        await server.settled()
    server.work.jobs.forget_finished(0)
    server.screen.clear()
    emulator.log.clear()
    return JSONResponse({"status": server.status})


async def list_tokens(request: Request) -> Response:
    emulator = require_control_key(request)
    return JSONResponse({"tokens": [token.to_json() for token in emulator.tokens.all()]})


async def change_tokens(request: Request) -> Response:
    emulator = require_control_key(request)
    fields = await control_fields(request)
    action = fields.get("action")
    if action == "make":
        kind, life_s = fields.get("kind", "pat"), fields.get("life_s", 3600)
        if kind not in ("pat", "access", "refresh") or not isinstance(life_s, int | float | None):
            raise HTTPException(400, "kind must be pat, access or refresh, and life_s a number or null.")
        token = emulator.tokens.make(kind, life_s, name=str(fields.get("name", "")))
        return JSONResponse({**token.to_json(), "token": token.secret})
    found = emulator.tokens.find(str(fields.get("token", "")))
    if found is None:
        raise HTTPException(404, "There is no such token.")
    if action == "expire":
        found.expires_at = now()
    elif action == "revoke":
        found.revoked = True
    else:
        raise HTTPException(400, "action must be make, expire or revoke.")
    return JSONResponse(found.to_json())


async def control_fields(request: Request) -> Mapping[str, object]:
    body = await request.body()
    try:
        fields = json.loads(body) if body.strip() else {}
    except ValueError as error:
        raise HTTPException(400, "The body is not JSON.") from error
    if not isinstance(fields, dict):
        raise HTTPException(400, "The body must be a JSON object.")
    return fields


routes = [
    Route("/_emulator/config", read_config, methods=["GET"]),
    Route("/_emulator/config", change_config, methods=["POST"]),
    Route("/_emulator/faults", read_faults, methods=["GET"]),
    Route("/_emulator/faults", replace_faults, methods=["POST"]),
    Route("/_emulator/requests", read_requests, methods=["GET"]),
    Route("/_emulator/state", read_state, methods=["GET"]),
    Route("/_emulator/kill-julia", kill_julia, methods=["POST"]),
    Route("/_emulator/reset", reset, methods=["POST"]),
    Route("/_emulator/tokens", list_tokens, methods=["GET"]),
    Route("/_emulator/tokens", change_tokens, methods=["POST"]),
]
