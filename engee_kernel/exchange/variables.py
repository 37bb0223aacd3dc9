"""Python values to an Engee session's variables and back.

What is small goes in the commands themselves, as base64 in pieces; what is larger goes as a file below /user
that is removed again. Measured on loopback: 8 MB to Engee take 3.2 s in pieces, because Julia reads long
literals slowly, and 0.08 s as a file; 0.8 MB 0.25 s and 0.02 s. From Engee 8 MB take 0.4 s and 0.15 s. A file
needs more requests, which counts on a slow connection.
"""

from __future__ import annotations

import asyncio
import base64
import io
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from ..agent.dialogue import is_agent_trouble
from ..api.body import Upload
from ..api.client import EngeeClient
from ..cells import endings, serving
from ..cells.output import Output
from ..cells.session import Session
from ..facts.errors import (
    AgentUnavailableError,
    ApiError,
    EngeeError,
    ExchangeError,
    NetworkError,
    ServerNotRunningError,
    SessionLostError,
    TooLargeError,
    TransferError,
)
from . import SUPPORTED, Payload, decode

PIECE_BYTES = 384 * 1024
SHORTEST_PIECE_BYTES = 2048
FILE_TO_ENGEE_BYTES = 256 * 1024
FILE_FROM_ENGEE_BYTES = 2 * 2**20
WORK_BYTES_PER_S = 5e6
"""A slow guess at how fast the agent reads and writes a payload: it bounds the wait."""
CLEANUP_BOUND_S = 10.0
OVERVIEW_WAIT_S = 30.0
FILE_NAME = "values.bin"


async def ready(session: Session, output: Output) -> None:
    """See that the agent is there, in a server that is started where that is allowed.

    Raises AgentUnavailableError in plain mode, ServerNotRunningError.
    """
    if session.with_agent and not session.remote.epoch:
        await serving.ready(session, output)
    if not await session.agent_ready():
        raise session.agent_trouble or AgentUnavailableError(
            "This needs the agent, and the setting mode is plain.", "Set it to agent: ENGEE_MODE=agent"
        )


async def put(session: Session, payload: Payload) -> None:
    """Make the values of a payload variables of the notebook's workspace. The agent is `ready`.

    Raises ExchangeError where Engee refuses a name; the values before it may be set then.
    """
    place = _Place(session)
    if payload.size_bytes >= FILE_TO_ENGEE_BYTES:
        with suppress(_NoFilesError):
            await _put_file(place, payload)
            return
    await _put_pieces(place, payload.join())


async def get(session: Session, names: Sequence[str]) -> dict[str, Any]:
    """The variables' values. The agent is `ready`. Raises ExchangeError."""
    place = _Place(session)
    piece_bytes = PIECE_BYTES
    while True:
        try:
            answer = await place.call("exchange_take", *place.workspace, place.id, list(names), piece_bytes)
            break
        except AgentUnavailableError as error:
            piece_bytes = _shorter(piece_bytes, error)
    first, size = base64.b64decode(answer["data"]), int(answer["size_bytes"])
    if len(first) == size:
        return decode(first)
    try:
        if size >= FILE_FROM_ENGEE_BYTES:
            with suppress(_NoFilesError):
                return decode(await _get_file(place, size))
        return decode(await _get_pieces(place, first, size, piece_bytes))
    finally:
        with suppress(EngeeError, asyncio.TimeoutError):
            # what is not discarded goes by itself in half an hour
            await asyncio.wait_for(place.call("exchange_discard", place.id), CLEANUP_BOUND_S)


async def overview(session: Session) -> list[Mapping[str, Any]]:
    """name, type, size_bytes (None where it is not known) and summary of each variable. The agent is there."""
    await _own_workspace(session)
    return list((await _ask(session, "variables", session.notebook, wait_s=OVERVIEW_WAIT_S))["variables"])


async def reset(session: Session) -> Mapping[str, Any]:
    """Clear the notebook's variables: `workspace`, the names `cleared`, what was `kept` and why. The agent is there."""
    await _own_workspace(session)
    return await _ask(session, "reset", session.notebook)


async def _own_workspace(session: Session) -> None:
    """Without a workspace of its own, which its first cell makes, the agent would take a notebook's to be Main."""
    if session.options.workspace != "main":
        await _ask(session, "open_workspace", session.notebook)


async def _ask(session: Session, function: str, *args: Any, wait_s: float = 0.0) -> Mapping[str, Any]:
    """Raises SessionLostError when the variables are gone; the next call finds the new session."""
    try:
        return await session.remote.call(function, *args, wait_s=wait_s)
    except (AgentUnavailableError, SessionLostError, ServerNotRunningError) as error:
        if not (is_agent_trouble(error) or isinstance(error, ServerNotRunningError)):
            raise
        session.remote.forget_epoch()
        why = await endings.reason(session.client, session.remote.heard_at, error)
        raise SessionLostError(
            f"{why}: the session's variables are gone. Nothing was run.",
            "Run the notebook from its start in the new session; files in /user are kept.",
        ) from error


class _NoFilesError(EngeeError):
    """Files can't be used here: the pieces' way is open."""


class _Place:
    """The calls of one exchange, under one id."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.id = str(uuid.uuid4())
        self.workspace = (session.notebook, session.options.workspace)
        self.folder = f"/user/.engee-kernel-{self.id}"

    @property
    def client(self) -> EngeeClient:
        return self.session.client

    async def call(self, function: str, *args: Any, work_bytes: int = 0) -> Mapping[str, Any]:
        """Raises ExchangeError for what the agent says can't be exchanged."""
        answer = await _ask(self.session, function, *args, wait_s=work_bytes / WORK_BYTES_PER_S)
        problem = answer.get("problem")
        if problem is not None:
            raise ExchangeError(f"{problem}.", SUPPORTED if "counterpart" in str(problem) else "")
        return answer

    @asynccontextmanager
    async def staged(self) -> AsyncIterator[None]:
        """Files may be put into `folder` inside, and are gone afterwards. Raises _NoFilesError."""
        try:
            yield
        except (ApiError, TransferError) as error:
            if isinstance(error, ServerNotRunningError):
                raise
            raise _NoFilesError("Values can't be exchanged as files here.") from error
        finally:
            with suppress(EngeeError, asyncio.TimeoutError):
                await asyncio.wait_for(self.call("remove_staging", self.folder), CLEANUP_BOUND_S)


async def _put_pieces(place: _Place, data: bytes) -> None:
    piece_bytes = PIECE_BYTES
    while True:
        pieces = [data[at : at + piece_bytes] for at in range(0, len(data), piece_bytes)]
        try:
            for number, piece in enumerate(pieces[:-1], 1):
                await place.call("exchange_piece", place.id, number, _base64(piece))
            last = _base64(pieces[-1])
            await place.call("exchange_bind", *place.workspace, place.id, len(pieces), last, work_bytes=len(data))
            return
        except TooLargeError as error:
            # nothing was bound yet: begin anew with pieces that fit, under another id
            piece_bytes = _shorter(piece_bytes, error)
            place.id = str(uuid.uuid4())


async def _put_file(place: _Place, payload: Payload) -> None:
    async with place.staged():
        await place.client.upload([Upload(io.BytesIO(payload.join()), FILE_NAME, place.folder)])
        path = f"{place.folder}/{FILE_NAME}"
        await place.call("exchange_bind_file", *place.workspace, place.id, path, work_bytes=payload.size_bytes)


async def _get_pieces(place: _Place, first: bytes, size: int, piece_bytes: int) -> bytes:
    data = bytearray(first)
    while len(data) < size:
        answer = await place.call("exchange_read", place.id, len(data), piece_bytes)
        data += base64.b64decode(answer["data"])
    return bytes(data)


async def _get_file(place: _Place, size: int) -> bytes:
    async with place.staged():
        path = f"{place.folder}/{FILE_NAME}"
        await place.call("exchange_write_file", place.id, path, work_bytes=size)
        data = bytearray()
        async with place.client.download([path]) as download:
            async for chunk in download.chunks:
                data += chunk
        if len(data) != size:
            raise TransferError(f"Of {size} bytes {len(data)} arrived.")
        return bytes(data)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _shorter(piece_bytes: int, error: EngeeError) -> int:
    """Raises the error where pieces are as short as they may be, or their length is not the matter."""
    if piece_bytes <= SHORTEST_PIECE_BYTES or is_agent_trouble(error) or isinstance(error, NetworkError):
        raise error
    return max(SHORTEST_PIECE_BYTES, piece_bytes // 4)
