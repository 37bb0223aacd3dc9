"""`/account`: the page for people. Server state with its buttons, personal access tokens, switches, faults.

A browser is let in by the link that the command line prints: it carries the control key, which becomes a cookie.
"""

from __future__ import annotations

import dataclasses
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from .context import USER_PREFIX, Emulator, emulator_of
from .faults import Fault, FaultPlan
from .management import info_json
from .pages import page_response
from .replies import LoginError
from .server import ServerNotRunningError
from .settings import GROUPS, SettingError, Settings, choices, parse_text
from .tab import act_in_tab

COOKIE = "local_engee_account"
DAY_S = 86400
LINES_OF_TAB = 30
# The faults that a person may want to see once; the rest are for programs.
EXAMPLES = {
    "drop_after": ("Lose the reply of the next eval", Fault("drop_after", path="command/eval", count=1)),
    "drop_before": ("Drop the next eval before it runs", Fault("drop_before", path="command/eval", count=1)),
    "busy": (
        "Answer the next three calls with 429",
        Fault("status", path="external/", status=429, retry_after_s=2, count=3),
    ),
    "gateway": ("Answer the next call with 502", Fault("status", path="external/", status=502, count=1)),
    "timeout": (
        "Let the proxy give up on the next eval after 1 s",
        Fault("proxy_timeout", path="command/eval", delay_s=1, count=1),
    ),
    "maintenance": (
        "Answer the next three evals with the page “Server maintenance”",
        Fault("maintenance", path="command/eval", count=3),
    ),
    "maintenance_30_s": (
        "Answer all calls below the user's prefix with that page for 30 s",
        Fault("maintenance", path=USER_PREFIX, for_s=30),
    ),
    "login": ("Send the next call to the login page", Fault("login", path="external/", count=1)),
    "status_503": ("Answer the next status call with 503", Fault("status", path="engee/info", count=1)),
    "slow": ("Make every call 0.3 to 1 s slower", Fault("latency", path="external/", delay_s=0.3, jitter_s=0.7)),
}


async def show(request: Request) -> Response:
    emulator = emulator_of(request)
    key = request.query_params.get("key")
    if key is not None:
        _require_key(emulator, key)
        answer = RedirectResponse("/account", 303)
        answer.set_cookie(_cookie(request), emulator.control_key, httponly=True, samesite="strict", path="/account")
        return answer
    cookie = request.cookies.get(_cookie(request))
    if cookie is None and emulator.server.settings.unknown_caller == "login":
        raise LoginError
    _require_key(emulator, cookie or "")
    return _page(emulator)


async def act(request: Request) -> Response:
    """One button of the page."""
    emulator = emulator_of(request)
    _require_key(emulator, request.cookies.get(_cookie(request), ""))
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, "This button belongs to another page.")
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    match form.get("action"):
        case "start":
            try:
                emulator.server.start()
            except ServerNotRunningError as error:
                raise HTTPException(409, str(error)) from error
        case "stop":
            emulator.server.stop()
        case "token":
            return _new_token(emulator, form)
        case "run" | "clear" as action:
            return _page(emulator, tab=await act_in_tab(emulator, action, form.get("line")))
        case "restart":
            await act_in_tab(emulator, "restart")
        case "settings":
            _change_settings(emulator, form)
        case "fault":
            if form.get("fault") in EXAMPLES:
                fault = dataclasses.replace(EXAMPLES[form["fault"]][1])
                emulator.faults = FaultPlan([*emulator.faults.faults, fault])
        case "no_faults":
            emulator.faults = FaultPlan()
        case _:
            raise HTTPException(400, "There is no such button.")
    return RedirectResponse("/account", 303)


def _new_token(emulator: Emulator, form: dict[str, str]) -> Response:
    days = form.get("days", "")
    if not days.isdecimal() or not 1 <= int(days) <= 366:
        raise HTTPException(400, "The validity must be 1 to 366 days.")
    token = emulator.tokens.make("pat", int(days) * DAY_S, name=form.get("name", "")[:80])
    return _page(emulator, shown_once=token.secret)


def _change_settings(emulator: Emulator, form: dict[str, str]) -> None:
    names = {setting.name for setting in dataclasses.fields(Settings)}
    try:
        changes = {name: parse_text(name, text) for name, text in form.items() if name in names}
        emulator.server.change_settings(emulator.server.settings.replaced(changes))
    except SettingError as error:
        raise HTTPException(400, str(error)) from error


def _cookie(request: Request) -> str:
    """Browsers keep cookies by host alone: two local Engees must not overwrite each other's."""
    return f"{COOKIE}_{request.url.port}"


def _require_key(emulator: Emulator, key: str) -> None:
    if not hmac.compare_digest(key.encode(), emulator.control_key.encode()):
        raise HTTPException(403, "Open the account page by the link that the local Engee printed when it started.")


def _page(emulator: Emulator, shown_once: str | None = None, tab: Mapping[str, object] | None = None) -> Response:
    server = emulator.server
    settings = server.settings
    answer = page_response(
        "account",
        info=info_json(emulator),
        status=server.status,
        failure=server.failure,
        tokens=[token.to_json() for token in emulator.tokens.all() if token.kind == "pat"],
        shown_once=shown_once,
        threads=None if server.session is None else server.session.threads,
        needs_new_julia=server.needs_new_julia(settings),
        tab=tab,
        shown=server.screen.items()[-LINES_OF_TAB:],
        groups={
            group: [
                {
                    "name": setting.name,
                    "about": setting.metadata["about"],
                    "value": getattr(settings, setting.name),
                    "choices": choices(setting.name),
                }
                for setting in dataclasses.fields(Settings)
                if setting.metadata["group"] == group
            ]
            for group in GROUPS
        },
        faults=[fault.to_json() for fault in emulator.faults.faults],
        examples={name: text for name, (text, _) in EXAMPLES.items()},
        calls=[call for call in emulator.log if call.path != "/account"][-15:][::-1],
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


routes = [
    Route("/account", show, methods=["GET"]),
    Route("/account", act, methods=["POST"]),
]
