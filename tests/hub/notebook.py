"""A notebook in a browser, seen from the network: Jupyter Server's calls and its web socket, through a proxy."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import httpx
import websocket
from frontend import Cell

CELL_LIMIT_S = 90
Message = dict[str, Any]


class Notebook:
    """`path` with a kernel of the specification `kernel`; `server` is the client of the person's Jupyter Server.

    `on_input` gives the answer to a prompt, or None to be asked again when the cell has said more.
    `run` waits for a cell's reply and its idle.
    """

    def __init__(self, server: httpx.Client, path: str, kernel: str) -> None:
        self.on_input: Callable[[Message], str | None] | None = None
        self._questions: list[Message] = []
        self._session = uuid.uuid4().hex
        made = server.post(
            "api/sessions", json={"path": path, "name": path, "type": "notebook", "kernel": {"name": kernel}}
        )
        made.raise_for_status()
        self.kernel_id = made.json()["kernel"]["id"]
        address = server.base_url.join(f"api/kernels/{self.kernel_id}/channels?session_id={self._session}")
        self._socket = websocket.create_connection(
            str(address.copy_with(scheme="ws")),
            timeout=CELL_LIMIT_S,
            header=[f"Authorization: {server.headers['Authorization']}"],
        )

    def __enter__(self) -> Notebook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the page; the kernel stays."""
        self._socket.close()

    def run(self, code: str) -> Cell:
        cell = self.send(code)
        deadline = time.monotonic() + CELL_LIMIT_S
        while cell.reply is None or not cell.is_idle:
            assert time.monotonic() < deadline, f"no end of {code}: {cell}"
            self._take(cell)
            self._answer(cell)
        return cell

    def value(self, code: str) -> str:
        """The value of an expression that must succeed."""
        cell = self.run(code)
        assert cell.status == "ok", cell.traceback
        assert cell.result is not None
        return cell.result

    def send(self, code: str) -> Cell:
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": True, "stop_on_error": True}
        return Cell(self._send("shell", "execute_request", content))

    def _send(self, channel: str, kind: str, content: Message, parent: Message | None = None) -> str:
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": kind,
            "session": self._session,
            "username": "",
            "version": "5.3",
            "date": datetime.now(timezone.utc).isoformat(),  # the kernel asks which cells were sent before an error
        }
        message = {
            "channel": channel,
            "header": header,
            "parent_header": parent or {},
            "metadata": {},
            "content": content,
            "buffers": [],
        }
        self._socket.send(json.dumps(message))
        return header["msg_id"]

    def _answer(self, cell: Cell) -> None:
        """Answer what is asked. Channels have no common order: a question may come before what was said first."""
        while self._questions:
            assert self.on_input is not None, f"nobody answers: {self._questions[0]['content']}"
            answer = self.on_input({**self._questions[0]["content"], "cell": cell})
            if answer is None:
                return
            self._send("stdin", "input_reply", {"value": answer}, self._questions.pop(0)["header"])

    def _take(self, cell: Cell) -> None:
        message = json.loads(self._socket.recv())
        if message["parent_header"].get("msg_id") != cell.msg_id:
            return
        if message["msg_type"] == "input_request":
            self._questions.append(message)
        elif message["channel"] == "iopub":
            cell.messages.append(message)
            if message["msg_type"] == "status":
                cell.is_idle = message["content"]["execution_state"] == "idle"
        else:
            cell.reply = message
