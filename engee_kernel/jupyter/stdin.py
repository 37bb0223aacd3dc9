"""A line of standard input from the front end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import zmq

from ..facts.events import Input

INPUT_POLL_S = 0.02


async def read_line(session: Any, socket: Any, prompt: Input, identity: Any, parent: Mapping[str, Any]) -> str | None:
    """A line from the front end that sent the cell, None for end of input. Cancelled when no longer needed.

    `session` and `socket` are the kernel's Jupyter session and stdin socket. Polls instead of blocking: a blocked
    thread could not be interrupted and would steal the next reply.
    """
    while socket.poll(0):
        socket.recv_multipart(zmq.NOBLOCK)  # a reply to a prompt that was given up
    content = {"prompt": prompt.prompt, "password": prompt.password}
    request = session.send(socket, "input_request", content, parent, ident=identity)
    while True:
        while socket.poll(0):
            _, reply = session.recv(socket, mode=0)
            # jupyter_client's own replies name no parent
            if reply and reply["parent_header"].get("msg_id") in (None, request["header"]["msg_id"]):
                value = str(reply["content"].get("value", ""))
                return None if value == "\x04" else value
        await asyncio.sleep(INPUT_POLL_S)
