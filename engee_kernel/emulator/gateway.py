"""The gateway in front of Engee: what it answers in place of Engee as long as a switch says so, and its own pages."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .context import USER_PREFIX, Emulator, require_running_server
from .pages import page_response
from .replies import LOGIN_PATH, MaintenanceError, html_page, login_redirect, maintenance_page, sign_in_page
from .settings import Settings

STATUS_PATH = "/account/api/engee/info"
# What the words of the switch `maintenance` stand for, below the user's prefix.
MAINTAINED = {
    "all": "",
    "eval": "external/command/eval",
    "jobs": "external/command/jobs/",
    "files": "external/file/",
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def standing_reply(emulator: Emulator, path: str) -> Response | None:
    """The gateway's own reply to a call, if the switches say that it has one."""
    settings = emulator.server.settings
    if path == STATUS_PATH:
        return _status_reply(emulator, settings)
    maintained = MAINTAINED.get(settings.maintenance)
    if maintained is not None and path.startswith(USER_PREFIX + maintained):
        return maintenance_page()
    return None


def _status_reply(emulator: Emulator, settings: Settings) -> Response | None:
    match settings.status_call:
        case "503":
            return html_page(503)
        case "page":
            return sign_in_page()
        case "login":
            return login_redirect(emulator.management_url, STATUS_PATH)
    return None


async def no_such_route(request: Request) -> Response:
    require_running_server(request)
    raise MaintenanceError


async def login(_request: Request) -> Response:
    return page_response("login")


routes = [Route(LOGIN_PATH, login, methods=["GET"])]
# After all others.
last_routes = [Route(USER_PREFIX + "{rest:path}", no_such_route, methods=METHODS)]
