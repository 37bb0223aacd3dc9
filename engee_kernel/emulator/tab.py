"""`/_emulator/tab`: the browser tab beside us, which uses the same Julia process as the API's calls."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .context import Emulator
from .control import control_fields, require_control_key
from .outcomes import Outcome, Value
from .server import EngeeServer, ServerNotRunningError
from .session import SessionEndedError

ACTIONS = ("run", "clear", "restart")


async def act_in_tab(emulator: Emulator, action: object, line: object = None) -> dict[str, object]:
    """Raises HTTPException."""
    server = emulator.server
    try:
        match action:
            case "run":
                if not isinstance(line, str):
                    raise HTTPException(400, "line must be a string.")
                return _outcome_json(await server.require_session().run_line(line))
            case "clear":
                return _outcome_json(await server.require_session().clear_variables())
            case "restart":
                await _restart(server)
                return {"status": server.status}
    except (ServerNotRunningError, SessionEndedError) as error:
        raise HTTPException(409, str(error)) from error
    raise HTTPException(400, f"action must be one of {', '.join(ACTIONS)}, not {action!r}.")


async def _restart(server: EngeeServer) -> None:
    """Returns when another Julia is there. Raises ServerNotRunningError, HTTPException."""
    server.replace_julia()
    # The restart is the server's; a tab that is closed meanwhile does not undo it.
    await asyncio.shield(server.settled())
    if server.status != "running":
        raise HTTPException(409, server.failure or "The server was stopped before another Julia was there.")


def _outcome_json(outcome: Outcome) -> dict[str, object]:
    """`text` of the value, or the error's triple."""
    if isinstance(outcome, Value):
        return {"text": outcome.text, "error": None}
    return {"text": None, "error": outcome.to_json()}


async def act(request: Request) -> Response:
    emulator = require_control_key(request)
    fields = await control_fields(request)
    return JSONResponse(await act_in_tab(emulator, fields.get("action"), fields.get("line")))


async def show(request: Request) -> Response:
    screen = require_control_key(request).server.screen
    return JSONResponse({"shown": [item.to_json() for item in screen.items()]})


routes = [
    Route("/_emulator/tab", show, methods=["GET"]),
    Route("/_emulator/tab", act, methods=["POST"]),
]
