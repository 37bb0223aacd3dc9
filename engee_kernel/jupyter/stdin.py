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
        self._open: tuple[Input, Mapping[str, Any]] | None = None
        self._asked: set[Any] = set()

    async def read_line(self, prompt: Input, identity: Any, parent: Mapping[str, Any]) -> str | None:
        """A line from the front end that sent the cell, None for end of input. Cancelled when no longer needed.

        Polls instead of blocking: a blocked thread could not be interrupted and would steal the next reply.
        """
        while self._socket.poll(0):
            self._socket.recv_multipart(zmq.NOBLOCK)  # a reply to a prompt that was given up
        self._open = prompt, parent
        self._asked = {None}  # jupyter_client's own replies name no parent
        try:
            self._ask(identity)
            while True:
                while self._socket.poll(0):
                    _, reply = self._session.recv(self._socket, mode=0)
                    if reply and reply["parent_header"].get("msg_id") in self._asked:
                        value = str(reply["content"].get("value", ""))
                        return None if value == "\x04" else value
                await asyncio.sleep(INPUT_POLL_S)
        finally:
            self._open = None

    def ask_again(self, request: str, identity: Any) -> None:
        """If this execute_request waits for a line, put the same question to another front end too."""
        if self._open is not None and self._open[1]["header"]["msg_id"] == request:
            self._ask(identity)

    def _ask(self, identity: Any) -> None:
        """A message of its own each time: one that comes twice is taken for a forgery."""
        if self._open is not None:
            prompt, parent = self._open
            content = {"prompt": prompt.prompt, "password": prompt.password}
            sent = self._session.send(self._socket, "input_request", content, parent, ident=identity)
            self._asked.add(sent["header"]["msg_id"])
