"""A line of standard input from the front end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import zmq

from ..facts.events import Input

INPUT_POLL_S = 0.02


class Prompts:
    """Asks for lines, one at a time. `session` and `socket` are the kernel's Jupyter session and stdin socket."""

    def __init__(self, session: Any, socket: Any) -> None:
        self._session = session
        self._socket = socket
        self._open: Mapping[str, Any] | None = None

    async def read_line(self, prompt: Input, identity: Any, parent: Mapping[str, Any]) -> str | None:
        """A line from the front end that sent the cell, None for end of input. Cancelled when no longer needed.

        Polls instead of blocking: a blocked thread could not be interrupted and would steal the next reply.
        """
        while self._socket.poll(0):
            self._socket.recv_multipart(zmq.NOBLOCK)  # a reply to a prompt that was given up
        content = {"prompt": prompt.prompt, "password": prompt.password}
        request = self._open = self._session.send(self._socket, "input_request", content, parent, ident=identity)
        try:
            while True:
                while self._socket.poll(0):
                    _, reply = self._session.recv(self._socket, mode=0)
                    # jupyter_client's own replies name no parent
                    if reply and reply["parent_header"].get("msg_id") in (None, request["header"]["msg_id"]):
                        value = str(reply["content"].get("value", ""))
                        return None if value == "\x04" else value
                await asyncio.sleep(INPUT_POLL_S)
        finally:
            self._open = None

    def ask_again(self, request: str, identity: Any) -> None:
        """If this execute_request waits for a line, put the same question to another front end too."""
        if self._open is not None and self._open["parent_header"].get("msg_id") == request:
            self._session.send(self._socket, dict(self._open), ident=identity)
