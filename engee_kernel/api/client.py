"""Engee's HTTP API: one method per call of the contract. Usable without Jupyter::

    async with EngeeClient("https://engee.com", token) as client:
        print((await client.status()).status)
        print(await client.eval("3 + 5"))                      # 8

Each method gives a typed value or raises one of `engee_kernel.facts.errors`. The token goes to the
configured origin and to the origin of the user's prefix, and nowhere else; redirects are not
followed. Calls that are harmless to repeat are repeated within `retry_bound_s`; `eval` only where
the request surely never arrived, or where the caller says that repeating is harmless; a job is
repeated because its id makes it safe.
"""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import TracebackType
from typing import Any, TypeVar

from ..facts.errors import (
    EngeeError,
    ForbiddenPathError,
    GatewayError,
    JobExistsError,
)
from ..facts.silence import Silence
from . import replies, wire
from .body import Upload, UploadBody
from .credentials import STARS, FixedToken, Secret, TokenProvider, clean_token
from .retry import is_transient, retrying, surely_not_run
from .transport import Transport, translated

T = TypeVar("T")

EVAL_TIMEOUT_S = 120.0
WORTH_TELLING_S = 1.0
TRANSFER_IDLE_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Download:
    """The body of a download as it comes in.

    `kind`: "file" (the bytes of one file) or "zip" (a ZIP of several). `length`: the bytes of the
    whole HTTP body, where the server says it (a little more than the file's).
    """

    kind: str
    length: int | None
    chunks: AsyncIterator[bytes]


class EngeeClient:
    """Engee's HTTP API for one person.

    `url` is the management origin, `token` a personal access token or a `TokenProvider`. `on_retry`
    is told of each failure that will be tried again, and of the seconds until then. Safe to use from
    several event loops. Raises SettingError for an address that would expose the token.
    """

    def __init__(
        self,
        url: str = wire.DEFAULT_URL,
        token: str | Secret | TokenProvider = "",
        *,
        retry_bound_s: float = 15.0,
        on_retry: Callable[[EngeeError, float], None] | None = None,
    ) -> None:
        if isinstance(token, str):
            token = clean_token(token, "the argument “token”")
        provider: TokenProvider = FixedToken(token) if isinstance(token, Secret) else token
        self._transport = Transport(url, provider)
        self.retry_bound_s = retry_bound_s
        self.on_retry = on_retry

    @property
    def url(self) -> str:
        return self._transport.url

    @property
    def prefix(self) -> str:
        """The address of the user's server; "" before the first call that needs it."""
        return self._transport.prefix

    def hurried(self) -> EngeeClient:
        """The same Engee and the same connections; each call is tried once."""
        other = copy.copy(self)
        other.retry_bound_s = 0.0
        return other

    def __repr__(self) -> str:
        return f"EngeeClient({self.url!r}, token={STARS!r})"

    async def __aenter__(self) -> EngeeClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections of the running loop."""
        await self._transport.close()

    # Management

    async def status(self) -> wire.ServerStatus:
        """The server's state; the user's prefix is taken from it."""
        return await self._retry(self._transport.status)

    async def start(self, inactivity_timeout_s: float | None = None) -> str:
        """Start the server; the URL that the reply names. A body is sent only with a timeout."""
        body: dict[str, Any] = {}
        if inactivity_timeout_s is not None:
            body = {"json": {"url": self._transport.prefix, "inactivityTimeout": inactivity_timeout_s}}

        async def once() -> str:
            return wire.read_start(await self._transport.manage("POST", wire.START, **body))

        return await self._retry(once)

    async def stop(self) -> None:
        """Stop the server: its variables are gone, its files stay."""

        async def once() -> None:
            wire.read_stop(await self._transport.manage("DELETE", wire.STOP))

        await self._retry(once)

    # Code

    async def eval(self, command: str, *, timeout_s: float = EVAL_TIMEOUT_S, repeatable: bool = False) -> str:
        """The value of Julia code as text. Raises CodeError when the code raises.

        `timeout_s` bounds the wait for the reply (the code goes on in Engee). `repeatable`: the command
        is harmless to run twice, so that a lost reply is asked for again.
        """

        async def once() -> str:
            return wire.read_eval(
                await self._transport.user("POST", wire.EVAL, json={"command": command}, timeout_s=timeout_s)
            )

        return await self._retry(once, is_transient if repeatable else surely_not_run)

    async def create_job(self, code: str, *, job_id: str | None = None, name: str | None = None) -> str:
        """Start a job; its id, a new UUID unless given.

        Repeated until accepted, which the id makes safe. Raises JobExistsError when the first try already
        finds a job with this id.
        """
        body = {"job_id": job_id or str(uuid.uuid4()), "job_type": "EVAL", "code": code}
        if name is not None:
            body["name"] = name
        tries = 0

        async def once() -> None:
            nonlocal tries
            tries += 1
            try:
                wire.read_job_created(await self._transport.user("POST", wire.JOB_CREATE, json=body))
            except JobExistsError:
                if tries == 1:
                    raise
                # else an earlier try of ours, whose reply was lost, created it

        await self._retry(once)
        return body["job_id"]

    async def job(self, job_id: str) -> wire.Job:
        """Raises NotFoundError for an unknown id."""

        async def once() -> wire.Job:
            return wire.read_job(await self._transport.user("GET", wire.job_result_path(job_id)))

        return await self._retry(once)

    async def jobs(self) -> list[wire.Job]:
        """All jobs that the server still knows."""

        async def once() -> list[wire.Job]:
            return wire.read_jobs(await self._transport.user("GET", wire.JOB_LIST))

        return await self._retry(once)

    # Files

    async def upload(self, files: Sequence[Upload], *, on_sent: Callable[[int], None] | None = None) -> Any:
        """Send files in one request, streamed; what the server says of it (the contract leaves it open).

        An existing file is not replaced: the server adds a suffix to the new one's name. Not repeated.
        `on_sent` is told of the bytes that went out, less than 0 when sending has to start anew.
        """
        for file in files:
            check_remote(file.directory)
        paths = json.dumps({"sources": [file.directory for file in files]}, ensure_ascii=False)
        body = UploadBody(paths, files, on_sent)
        reply = await self._transport.user(
            "POST", wire.UPLOAD, content=body, headers=body.headers, timeout_s=TRANSFER_IDLE_TIMEOUT_S
        )
        return wire.read_upload(reply)

    @asynccontextmanager
    async def download(self, sources: Sequence[str]) -> AsyncIterator[Download]:
        """Remote files as a stream: one file's bytes, or a ZIP of several.

        Raises NotFoundError when any is missing, ForbiddenPathError outside /user, ReplyLostError when
        the stream ends early.
        """
        from .multipart import boundary_of, single_part  # noqa: PLC0415 - no kernel's start waits for it

        for source in sources:
            check_remote(source)
        async with self._transport.stream(
            "POST", wire.DOWNLOAD, json={"sources": list(sources)}, timeout_s=TRANSFER_IDLE_TIMEOUT_S
        ) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            call = f"POST …/{wire.DOWNLOAD}"
            failed = response.status_code != 200
            with translated(call):
                body = await response.aread() if failed else b""
            wire.check_download(replies.Reply(response.status_code, headers, body, call))
            boundary = boundary_of(headers.get("content-type", ""))
            length = headers.get("content-length", "")
            chunks = _translated_chunks(response.aiter_bytes(), call)
            yield Download(
                "file" if boundary or len(sources) == 1 else "zip",
                int(length) if length.isdigit() else None,
                single_part(chunks, boundary) if boundary else chunks,
            )

    # OAuth

    async def exchange_code(
        self, *, code: str, client_id: str, client_secret: str, scope: str, redirect_uri: str, **extra: str
    ) -> wire.TokenGrant:
        """Tokens for an authorization code; `extra` e.g. code_verifier. Not repeated: a code works once."""
        form = {"code": code, "scope": scope, "redirect_uri": redirect_uri, **extra}
        return await self._grant("authorization_code", client_id, client_secret, form)

    async def refresh(self, *, refresh_token: str, client_id: str, client_secret: str) -> wire.TokenGrant:
        """New tokens for a refresh token. Not repeated: the old one may have been used up."""
        return await self._grant("refresh_token", client_id, client_secret, {"refresh_token": refresh_token})

    async def _grant(
        self, grant_type: str, client_id: str, client_secret: str, form: dict[str, str]
    ) -> wire.TokenGrant:
        data = {"grant_type": grant_type, "client_id": client_id, "client_secret": client_secret, **form}
        return wire.read_grant(await self._transport.unsigned("POST", wire.OAUTH_TOKEN, data=data))

    async def _retry(self, call: Callable[[], Awaitable[T]], when: Callable[[BaseException], bool] = is_transient) -> T:
        silence = Silence(asking=True)
        try:
            return await retrying(call, when=when, bound_s=self.retry_bound_s, before_wait=self.on_retry)
        except GatewayError as error:
            silence.heard_only(error)
            if error.page is not None and not error.timed_out and silence.lasts_s >= WORTH_TELLING_S:
                error.message = f"{silence.sentence(error)} The call was {error.call}."
            raise


def check_remote(path: str) -> None:
    """Raises ForbiddenPathError for a path that is not /user or below it, before anything is sent."""
    parts = PurePosixPath(path).parts
    depth = 0
    for part in parts[2:]:
        depth += -1 if part == ".." else 1
        if depth < 0:
            break
    if parts[:2] != ("/", "user") or depth < 0:
        raise ForbiddenPathError(f"“{path}” is not below /user.", "Files can be read and written below /user only.")


async def _translated_chunks(body: AsyncIterator[bytes], call: str) -> AsyncIterator[bytes]:
    with translated(call):
        async for chunk in body:
            yield chunk
