"""What the routes share: the emulator's parts, and who may call."""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request

from .connections import Connections
from .consents import ConsentStore
from .faults import FaultPlan
from .log import LogEntry
from .replies import HtmlError, LoginError, MaintenanceError
from .server import EngeeServer
from .settings import Settings
from .tokens import Token, TokenStore

USER_PREFIX = "/prod/user/local-demo/"
CLIENT_ID = "engee-kernel-local"
LOG_LENGTH = 20_000


@dataclass
class Emulator:
    """Everything one local Engee consists of. `state_dir` is on this machine and private to it."""

    server: EngeeServer
    tokens: TokenStore
    first_token: Token
    state_dir: Path
    management_url: str
    session_origin: str
    starts_running: bool
    first_settings: Settings
    control_key: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    username: str = "demo"
    log: deque[LogEntry] = field(default_factory=lambda: deque(maxlen=LOG_LENGTH))
    faults: FaultPlan = field(default_factory=FaultPlan)
    consents: ConsentStore = field(default_factory=ConsentStore)
    connections: Connections = field(default_factory=Connections)

    @property
    def session_url(self) -> str:
        return self.session_origin + USER_PREFIX


def emulator_of(request: Request) -> Emulator:
    emulator = request.app.state.emulator
    assert isinstance(emulator, Emulator)  # noqa: S101 - narrows Starlette's untyped state
    return emulator


def bearer_token(request: Request) -> Token | None:
    """The valid token that a call carries."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    token = emulator_of(request).tokens.find(secret.strip())
    if token is None or token.kind == "refresh" or not token.is_valid():
        return None
    return token


def require_management_token(request: Request) -> Token:
    token = bearer_token(request)
    if token is None:
        if emulator_of(request).server.settings.unknown_caller == "login":
            raise LoginError
        raise HTTPException(401, "The token is missing, unknown or expired.", {"WWW-Authenticate": "Bearer"})
    return token


def require_running_server(request: Request) -> EngeeServer:
    """For code and file calls: a valid token that the running server knows, and a running server."""
    emulator = emulator_of(request)
    server = emulator.server
    token = bearer_token(request)
    if token is None:
        if server.settings.unknown_caller == "login":
            raise LoginError
        raise HtmlError(401, headers={"WWW-Authenticate": "Bearer"})
    if server.status != "running":
        raise HtmlError(server.settings.stopped_status)
    # The server learns of personal tokens when it starts. OAuth tokens are checked by the account service.
    if token.kind == "pat" and server.starting_at is not None and token.made_at > server.starting_at:
        raise HtmlError(server.settings.young_token_status)
    return server


def require_julia(request: Request) -> EngeeServer:
    """For code calls: also a Julia. Without it there is nobody whose routes they could be, and the gateway answers."""
    server = require_running_server(request)
    if server.is_replacing_julia:
        raise MaintenanceError
    return server
