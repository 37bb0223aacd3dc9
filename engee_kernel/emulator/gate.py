"""What stands in front of the routes, as network and proxy stand in front of Engee: the log, faults, a time limit."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .context import USER_PREFIX, Emulator
from .faults import ANSWERING, Fault
from .gateway import standing_reply
from .log import LogEntry
from .moments import now
from .replies import html_page, login_redirect, maintenance_page, sign_in_page
from .server import ServerNotRunningError

EVAL_PATH = USER_PREFIX + "external/command/eval"
UPLOAD_PATH = USER_PREFIX + "external/file/upload"


class _DroppedError(Exception):
    """The connection of this call is to be dropped."""


@dataclass
class _Call:
    scope: Scope
    receive: Receive
    send: Send
    limit_s: float | None = None


class Gate:
    """An ASGI application around another. Control calls pass untouched and are not logged."""

    def __init__(self, app: ASGIApp, emulator: Emulator) -> None:
        self._app = app
        self._emulator = emulator
        self._left_behind: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_emulator/"):
            await self._app(scope, receive, send)
            return
        entry = LogEntry(scope["method"], scope["path"])
        self._emulator.log.append(entry)
        began = time.perf_counter()

        async def counting_receive() -> Message:
            message = await receive()
            entry.received_bytes += len(message.get("body", b""))
            return message

        async def counting_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.status = 0 if scope.get("engee.dropped") else message["status"]
            entry.sent_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._pass(scope, counting_receive, counting_send)
        except _DroppedError:
            entry.status = 0
            self._emulator.connections.drop(scope)
        finally:
            entry.duration_s = round(time.perf_counter() - began, 6)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        plan = self._emulator.faults
        body: bytes | None = None
        if scope["path"] != UPLOAD_PATH:
            body = await _read_body(receive)
            receive = _replay(body, receive)
        call = _Call(scope, receive, send)
        if scope["path"] == EVAL_PATH:
            call.limit_s = self._emulator.server.settings.eval_limit_s
        for fault in plan.take(scope["method"], scope["path"], body):
            if fault.kind == "latency":
                await asyncio.sleep(plan.latency_s(fault))
            elif fault.kind in ANSWERING:
                await self._answer(fault, call)
                return
            else:
                self._bend(fault, call)
        reply = standing_reply(self._emulator, scope["path"])
        if reply is not None:
            await reply(call.scope, call.receive, call.send)
            return
        await self._run(call)

    async def _answer(self, fault: Fault, call: _Call) -> None:
        """For faults that take the place of the reply."""
        if fault.ran or fault.kind == "drop_after":
            await self._app(call.scope, call.receive, _discard)
        if fault.kind in ("drop_before", "drop_after"):
            raise _DroppedError
        page = self._fault_page(fault, call.scope["path"])
        await page(call.scope, call.receive, call.send)

    def _fault_page(self, fault: Fault, path: str) -> Response:
        match fault.kind:
            case "not_json":
                return sign_in_page()
            case "maintenance":
                return maintenance_page()
            case "login":
                return login_redirect(self._emulator.management_url, path)
        headers = {}
        if fault.retry_after_s is not None:
            moment = now() + timedelta(seconds=fault.retry_after_s)
            headers["Retry-After"] = (
                format_datetime(moment, usegmt=True) if fault.retry_after_date else str(fault.retry_after_s)
            )
        return html_page(fault.status, headers)

    def _bend(self, fault: Fault, call: _Call) -> None:
        """For faults that let the call go on, in another way."""
        match fault.kind:
            case "drop_body":
                call.send = _cut_reply(call.send, fault.at_bytes)
            case "cut_upload":
                call.receive = self._cut_request(call.scope, call.receive, fault.at_bytes)
            case "proxy_timeout":
                call.limit_s = fault.delay_s
            case "stop_session":
                self._later(fault.delay_s, self._emulator.server.stop)
            case "kill_julia":
                self._later(fault.delay_s, self._kill_julia)
            case "hostile_zip":
                call.scope["engee.hostile_zip"] = True

    async def _run(self, call: _Call) -> None:
        if call.limit_s is None:
            await self._app(call.scope, call.receive, call.send)
            return
        is_late = False

        async def send_in_time(message: Message) -> None:
            if not is_late:
                await call.send(message)

        task = asyncio.create_task(_awaited(self._app, call.scope, call.receive, send_in_time))
        await asyncio.wait({task}, timeout=call.limit_s)
        if task.done():
            task.result()
            return
        is_late = True
        self._left_behind.add(task)
        task.add_done_callback(self._left_behind.discard)
        await html_page(504)(call.scope, call.receive, call.send)

    def _cut_request(self, scope: Scope, receive: Receive, at_bytes: int | None) -> Receive:
        length = _header(scope, b"content-length")
        left = at_bytes if at_bytes is not None else int(length or b"0") // 2

        async def cut() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left >= 0:
                return message
            # The route sees what it would see if the client's network broke, and tidies up.
            scope["engee.dropped"] = True
            self._emulator.connections.drop(scope)
            return {"type": "http.disconnect"}

        return cut

    def _later(self, delay_s: float, action: Callable[[], None]) -> None:
        async def act() -> None:
            await asyncio.sleep(delay_s)
            action()

        task = asyncio.create_task(act())
        self._left_behind.add(task)
        task.add_done_callback(self._left_behind.discard)

    def _kill_julia(self) -> None:
        with contextlib.suppress(ServerNotRunningError):  # it is dead already
            self._emulator.server.kill_julia()


async def _awaited(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


async def _discard(_message: Message) -> None:
    return


async def _read_body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _DroppedError
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    is_replayed = False

    async def replay() -> Message:
        nonlocal is_replayed
        if is_replayed:
            return await receive()
        is_replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _header(message: Message | Scope, name: bytes) -> bytes | None:
    return next((value for key, value in message["headers"] if key.lower() == name), None)


def _cut_reply(send: Send, at_bytes: int | None) -> Send:
    left: int | None = at_bytes

    async def cut(message: Message) -> None:
        nonlocal left
        if message["type"] == "http.response.start":
            length = _header(message, b"content-length")
            if left is None and length is not None:
                left = int(length) // 2
            await send(message)
            return
        body = message.get("body", b"")
        if left is None:
            left = len(body) // 2
        if len(body) <= left and message.get("more_body", False):
            left -= len(body)
            await send(message)
            return
        await send({"type": "http.response.body", "body": body[:left], "more_body": True})
        raise _DroppedError

    return cut
