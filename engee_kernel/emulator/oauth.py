"""OAuth 2.0 authorization code for a third-party program: the consent page and the token call."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from .consents import Consent
from .context import CLIENT_ID, emulator_of
from .pages import page_response

TICKET_LIFE_S = 600
CODE_LIFE_S = 60
SCOPES = ("user:id", "user:username", "profile:name", "profile:primary_email", "engee")


async def ask(request: Request) -> Response:
    """The consent page. What is wrong with the request is told to the person, unless it can go back to the program."""
    query = request.query_params
    redirect_uri = query.get("redirect_uri", "")
    if query.get("client_id") != CLIENT_ID or not is_registered(redirect_uri):
        return page_response(
            "problem",
            400,
            title="This program is not known",
            text="client_id or redirect_uri is not registered.",
        )
    state = query.get("state")
    if query.get("response_type") != "code":
        return _back(redirect_uri, {"error": "unsupported_response_type", "state": state})
    scopes = query.get("scope", "").split()
    if not scopes or any(scope not in SCOPES for scope in scopes):
        return _back(redirect_uri, {"error": "invalid_scope", "state": state})
    challenge = query.get("code_challenge")
    if challenge is not None and query.get("code_challenge_method", "plain") != "S256":
        return _back(redirect_uri, {"error": "invalid_request", "state": state})
    consent = Consent(redirect_uri, " ".join(scopes), state, challenge, time.monotonic() + TICKET_LIFE_S)
    emulator = emulator_of(request)
    return page_response(
        "consent",
        client=CLIENT_ID,
        username=emulator.username,
        scopes=scopes,
        ticket=emulator.consents.keep(consent),
        target=urlsplit(redirect_uri).netloc,
    )


async def decide(request: Request) -> Response:
    """The click on one of the page's two buttons."""
    desk = emulator_of(request).consents
    form = await request.form()
    consent = desk.take(_text(form, "ticket"))
    if consent is None:
        return page_response("problem", 400, title="This page is out of date", text="Begin again in the program.")
    if _text(form, "answer") != "allow":
        return _back(consent.redirect_uri, {"error": "access_denied", "state": consent.state})
    code = desk.keep(
        Consent(consent.redirect_uri, consent.scope, None, consent.challenge, time.monotonic() + CODE_LIFE_S)
    )
    return _back(consent.redirect_uri, {"code": code, "scope": consent.scope, "state": consent.state})


async def exchange(request: Request) -> Response:
    """The token call: a code or a refresh token for an access token."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise HTTPException(415, "The body must be application/x-www-form-urlencoded.")
    emulator = emulator_of(request)
    form = await request.form()
    secret = _text(form, "client_secret")
    if _text(form, "client_id") != CLIENT_ID or not hmac.compare_digest(
        secret.encode(), emulator.client_secret.encode()
    ):
        return _refusal("invalid_client", 401)
    match _text(form, "grant_type"):
        case "authorization_code":
            return _from_code(request, form)
        case "refresh_token":
            return _from_refresh_token(request, form)
        case _:
            return _refusal("unsupported_grant_type")


def _from_code(request: Request, form: FormData) -> Response:
    consent = emulator_of(request).consents.take(_text(form, "code"))
    if consent is None or _text(form, "redirect_uri") != consent.redirect_uri:
        return _refusal("invalid_grant")
    if consent.challenge is not None:
        digest = hashlib.sha256(_text(form, "code_verifier").encode()).digest()
        answer = base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
        if not hmac.compare_digest(answer, consent.challenge.rstrip("=")):
            return _refusal("invalid_grant")
    return _tokens(request, consent.scope, refresh_token=None)


def _from_refresh_token(request: Request, form: FormData) -> Response:
    emulator = emulator_of(request)
    token = emulator.tokens.find(_text(form, "refresh_token"))
    if token is None or token.kind != "refresh" or not token.is_valid():
        return _refusal("invalid_grant")
    if not emulator.server.settings.rotate_refresh_tokens:
        return _tokens(request, token.scope, refresh_token=token.secret)
    token.revoked = True
    return _tokens(request, token.scope, refresh_token=None)


def _tokens(request: Request, scope: str, refresh_token: str | None) -> Response:
    emulator = emulator_of(request)
    settings = emulator.server.settings
    access = emulator.tokens.make("access", settings.access_token_life_s, scope=scope)
    if refresh_token is None:
        refresh_token = emulator.tokens.make("refresh", settings.refresh_token_life_s, scope=scope).secret
    fields = {
        "access_token": access.secret,
        "refresh_token": refresh_token,
        "token_type": "Bearer",
        "expires_in": int(settings.access_token_life_s),
        "scope": scope,
    }
    return JSONResponse(fields, headers={"Cache-Control": "no-store"})


def is_registered(redirect_uri: str) -> bool:
    """Any port and path on this machine, as RFC 8252 (7.3) has it for programs without a web address."""
    try:
        parts = urlsplit(redirect_uri)
        has_port = parts.port is not None
    except ValueError:
        return False
    is_loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
    return parts.scheme == "http" and is_loopback and has_port and not parts.fragment and "@" not in parts.netloc


def _back(redirect_uri: str, fields: Mapping[str, str | None]) -> Response:
    query = urlencode({name: value for name, value in fields.items() if value is not None})
    joint = "&" if urlsplit(redirect_uri).query else "?"
    return RedirectResponse(f"{redirect_uri}{joint}{query}", 302, {"Cache-Control": "no-store"})


def _refusal(error: str, status: int = 400) -> Response:
    return JSONResponse({"error": error}, status, {"Cache-Control": "no-store"})


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


routes = [
    Route("/account/authorize", ask, methods=["GET"]),
    Route("/account/authorize", decide, methods=["POST"]),
    Route("/account/api/oauth2/token", exchange, methods=["POST"]),
]
