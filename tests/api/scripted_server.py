"""An HTTP server of a few lines that answers by script: for replies that a local Engee would never give."""

from __future__ import annotations

import asyncio
import json
from types import TracebackType
from typing import Any

INFO = "/account/api/engee/info"


def http_reply(status: int = 200, body: Any = b"", **headers: str) -> bytes:
    """A whole reply; `body` as bytes, or as a value that becomes JSON. Header names with `_` for `-`."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "text/html" if data.lstrip().startswith(b"<") else "application/json"
    fields = {"Content-Type": kind, "Content-Length": str(len(data)), "Connection": "close"}
    fields.update({name.replace("_", "-"): value for name, value in headers.items()})
    head = f"HTTP/1.1 {status} Said\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return head.encode("latin-1") + b"\r\n" + data


class ScriptedServer:
    """`replies[path]` is what a path is answered with: bytes sent as they are, then the connection is closed.

    A list gives its first items to the first calls, its last to all others. `requests` holds what came, head and body.
    The status call names this server's own prefix unless the script says otherwise.
    """

    token = "pat-scripted-7b1f4e"

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.replies: dict[str, bytes | list[bytes]] = {}
        self.url = ""

    async def __aenter__(self) -> ScriptedServer:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self.replies[INFO] = http_reply(body={"serverStatus": "running", "url": f"{self.url}/prefix/"})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await asyncio.wait_for(self._server.wait_closed(), 5)

    def calls(self, path: str) -> list[str]:
        """The requests to a path."""
        return [request for request in self.requests if request.split(" ")[1] == path]

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = next(
                (int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length")), 0
            )
            body = await reader.readexactly(length)
            self.requests.append(head + body.decode("utf-8", "replace"))
            script = self.replies.get(head.split(" ")[1], http_reply(404, {"error": "Not Found"}))
            if isinstance(script, list):
                script = script.pop(0) if len(script) > 1 else script[0]
            writer.write(script)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went away: the test sees that for itself
        finally:
            writer.close()
