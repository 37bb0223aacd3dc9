"""OAuth 2.0: logging in through the browser.

Authorization code with `state`, PKCE (S256) and a loopback redirect, as RFC 8252 has it for programs
without a web address. The client's secret goes into the body of the token call and nowhere else.
"""

from __future__ import annotations

import asyncio
import html
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlsplit

from ..api import wire
from ..api.client import EngeeClient
from ..api.credentials import Secret, origin
from ..facts.errors import EngeeError, MissingTokenError, SettingError, TokenRejectedError
from .store import StoredToken

CONSENT_BOUND_S = 300.0
REQUEST_BOUND_S = 10.0
REQUEST_LIMIT_BYTES = 16 * 1024
LOOPBACK_NAMES = ("127.0.0.1", "localhost")

ELSEWHERE = (
    "If the browser is on another machine, it ends at a page that it can't show: "
    "copy the address of that page, paste it here and press Enter."
)

Pasted = Callable[[], Awaitable[str | None]]


@dataclass(frozen=True)
class OAuthClient:
    """What Engee's developers give to a program: its id, its secret, the scope it may ask for."""

    client_id: str
    client_secret: Secret = field(repr=False)
    scope: str = wire.DEFAULT_SCOPE
    redirect_uri: str = wire.DEFAULT_REDIRECT

    def check(self) -> None:
        """Raises SettingError for what can't work."""
        if not self.client_id or not self.client_secret:
            missing = "ENGEE_OAUTH_CLIENT_ID" if not self.client_id else "ENGEE_OAUTH_CLIENT_SECRET"
            raise SettingError(
                f"Logging in through the browser needs {missing}.",
                "Engee's developers give a client id and a client secret to a program or an organisation. "
                "Without them use a personal access token: engee-kernel login",
            )
        parts = urlsplit(self.redirect_uri)
        if parts.scheme != "http" or parts.hostname not in LOOPBACK_NAMES or parts.query or parts.fragment:
            raise SettingError(
                f"“{self.redirect_uri}” can't be the redirect address.",
                f"Expected: an http address of this machine, e.g. {wire.DEFAULT_REDIRECT} or http://127.0.0.1:8765/callback",
            )


class NoToken:
    """For clients that make only calls without a bearer token."""

    async def token(self) -> NoReturn:
        raise MissingTokenError("This call carries no token.")

    async def renewed(self, rejected: Secret) -> None:
        return None


async def log_in(
    url: str,
    client: OAuthClient,
    *,
    visit: Callable[[str], None],
    pasted: Pasted | None = None,
    tell: Callable[[str], None] = lambda _: None,
    pkce: bool = True,
    bound_s: float = CONSENT_BOUND_S,
) -> StoredToken:
    """Tokens after the person's consent in a browser; `visit(address)` shows or opens the page.

    A browser on another machine can't come back to this one: `pasted` gives the address that it ended at, as the
    person copied it, None or "" for nothing more to come. `tell` is told what is wrong with it.

    Raises TokenRejectedError where the person or the server refuses, SettingError, NetworkError.
    """
    client.check()
    origin(url)  # refuses addresses that would send the code in the clear
    async with Redirect.listening(client.redirect_uri) as redirect:
        ask = partial(_ask_consent, url, client, redirect, visit, _Paster(redirect, pasted, tell), bound_s=bound_s)
        answer, verifier = await ask(pkce=pkce)
        if answer.get("error") == "invalid_request" and verifier:
            # the server knows no PKCE and says so: the state still ties the answer to this login
            answer, verifier = await ask(pkce=False)
        if "code" not in answer:
            raise _refused(answer)
        extra = {"code_verifier": verifier} if verifier else {}
        engee = EngeeClient(url, NoToken())
        try:
            grant = await engee.exchange_code(
                code=answer["code"],
                client_id=client.client_id,
                client_secret=client.client_secret.reveal(),
                scope=client.scope,
                redirect_uri=redirect.uri,
                **extra,
            )
        finally:
            await engee.close()
    return stored(grant, client, None)


async def _ask_consent(
    url: str,
    client: OAuthClient,
    redirect: Redirect,
    visit: Callable[[str], None],
    paster: _Paster,
    *,
    pkce: bool,
    bound_s: float,
) -> tuple[dict[str, str], str]:
    """What the browser brings back, and the verifier ("" without PKCE)."""
    from authlib.oauth2 import OAuth2Client  # noqa: PLC0415 - for this only

    verifier = secrets.token_urlsafe(64) if pkce else ""
    state = secrets.token_urlsafe(32)
    make: Any = OAuth2Client
    address, _ = make(
        session=None,
        client_id=client.client_id,
        scope=client.scope,
        redirect_uri=redirect.uri,
        code_challenge_method="S256",
    ).create_authorization_url(url.rstrip("/") + wire.AUTHORIZE, state=state, code_verifier=verifier or None)
    redirect.expect(state)
    visit(address)
    try:
        return await asyncio.wait_for(paster.answer(), bound_s), verifier
    except (TimeoutError, asyncio.TimeoutError) as error:
        raise EngeeError(
            f"Nobody has allowed access in the browser within {bound_s:.0f} s.", "Try again: engee-kernel login --oauth"
        ) from error


def _refused(answer: dict[str, str]) -> TokenRejectedError:
    reason = answer.get("error", "no code came back")
    said = answer.get("error_description", "")
    if reason == "access_denied":
        return TokenRejectedError("Access was denied in the browser: nothing was stored.")
    return TokenRejectedError(
        f"The authorization server refused ({reason}{f': {said}' if said else ''}).",
        "Check ENGEE_OAUTH_CLIENT_ID, ENGEE_OAUTH_SCOPE and the redirect address that Engee knows for this program.",
    )


class _Paster:
    """Waits for the browser's answer, and meanwhile for the address that a person pastes."""

    def __init__(self, redirect: Redirect, pasted: Pasted | None, tell: Callable[[str], None]) -> None:
        self._redirect = redirect
        self._pasted = pasted
        self._tell = tell

    async def answer(self) -> dict[str, str]:
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(self._redirect.answer())]
        if self._pasted is not None:
            tasks.append(asyncio.create_task(self._read(self._pasted)))
        try:
            while not tasks[0].done():
                await asyncio.wait([task for task in tasks if not task.done()], return_when=asyncio.FIRST_COMPLETED)
                if tasks[-1].done() and not tasks[0].done():
                    tasks[-1].result()  # raises what went wrong with asking
            answer: dict[str, str] = tasks[0].result()
            return answer
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, pasted: Pasted) -> None:
        while text := (await pasted() or "").strip():
            trouble = self._redirect.take_pasted(text)
            if not trouble:
                return
            self._tell(trouble)


class Redirect:
    """The loopback address that the browser comes back to. Only an answer with the expected state counts."""

    def __init__(self, uri: str, server: asyncio.Server | None = None) -> None:
        self.uri = uri
        self._server = server
        self._state = ""
        self._answers: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    @classmethod
    @asynccontextmanager
    async def listening(cls, uri: str) -> AsyncIterator[Redirect]:
        """`uri` without a port gets one that the system chooses. Raises SettingError for a port in use."""
        parts = urlsplit(uri)
        redirect = cls(uri)
        try:
            server = await asyncio.start_server(
                redirect._greet, "127.0.0.1", parts.port or 0, limit=REQUEST_LIMIT_BYTES
            )
        except OSError as error:
            raise SettingError(
                f"The redirect address {uri} can't be listened on ({error.strerror or error}).",
                "Choose another port with --port, if the program is registered for it.",
            ) from error
        port = server.sockets[0].getsockname()[1]
        redirect.uri = f"http://{parts.hostname}:{port}{parts.path or '/'}"
        try:
            yield redirect
        finally:
            server.close()

    def expect(self, state: str) -> None:
        self._state = state

    async def answer(self) -> dict[str, str]:
        """The fields of the first answer with the expected state: `code`, or `error`."""
        return await self._answers.get()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), REQUEST_BOUND_S)
            status, page = self._take(head.decode("latin-1").split("\r\n")[0])
            body = page.encode()
            writer.write(
                f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
                "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n".encode()
                + body
            )
            await asyncio.wait_for(writer.drain(), REQUEST_BOUND_S)
        except (OSError, EOFError, asyncio.LimitOverrunError, TimeoutError, asyncio.TimeoutError):
            pass  # not a browser, or one that went away: the next connection may be the one
        finally:
            writer.close()

    def take_pasted(self, text: str) -> str:
        """Use the address that a browser on another machine ended at; what is wrong with it, "" for a good one."""
        _, _, query = text.strip("\"'<> ").partition("?")
        fields = {name: values[0] for name, values in parse_qs(query.partition("#")[0]).items()}
        if not ("code" in fields or "error" in fields) or "state" not in fields:
            return (
                f"This is not the address that the browser ended at: that begins with {self.uri}?code=, and goes on "
                "to its end with &state=. Copy all of it."
            )
        if not self._state or fields["state"] != self._state:
            return "This address is of another login. Copy the one that the browser ended at just now."
        self._accept(fields)
        return ""

    def _accept(self, fields: dict[str, str]) -> None:
        self._state = ""  # one answer is enough
        self._answers.put_nowait(fields)

    def _take(self, request_line: str) -> tuple[str, str]:
        method, _, rest = request_line.partition(" ")
        parts = urlsplit(rest.partition(" ")[0])
        if method != "GET" or parts.path != urlsplit(self.uri).path:
            return "404 Not Found", _page("There is nothing here.", "")
        fields = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if not self._state or fields.get("state") != self._state:
            return "400 Bad Request", _page("This answer belongs to another login.", "Log in again.")
        self._accept(fields)
        if "code" in fields:
            return "200 OK", _page("You are logged in.", "Close this window and go back to your terminal.")
        return "200 OK", _page("Access was not given.", "Close this window and go back to your terminal.")


def _page(title: str, text: str) -> str:
    # the code in the address is of no use to the history of the browser
    return f"""<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Engee</title>
<script>history.replaceState(null, "", location.pathname)</script>
<body style="font: 16px system-ui; margin: 3rem"><h1>{html.escape(title)}</h1><p>{html.escape(text)}</p></body></html>
"""


def stored(grant: wire.TokenGrant, client: OAuthClient, before: StoredToken | None) -> StoredToken:
    """A grant as it is kept; a reply without a refresh token leaves the old one in force."""
    refresh = Secret(grant.refresh_token) if grant.refresh_token else (before.refresh if before else None)
    life_s = grant.expires_in_s
    return StoredToken(
        kind="oauth",
        access=Secret(grant.access_token),
        refresh=refresh,
        expires_at=None if life_s is None else time.time() + life_s,
        life_s=life_s,
        scope=grant.scope or client.scope,
        client_id=client.client_id,
        client_secret=client.client_secret,
    )
