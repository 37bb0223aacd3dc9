"""Another user of the machine, who has no connection file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import zmq


@contextmanager
def stranger_at(port: int, *, curve: bool = False) -> Iterator[list[bytes]]:
    """What somebody without the connection file gets from a kernel's output socket, filled in at the end."""
    heard: list[bytes] = []
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    try:
        if curve:  # with keys of their own
            socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
            socket.curve_serverkey, _ = zmq.curve_keypair()
        socket.subscribe(b"")
        socket.connect(f"tcp://127.0.0.1:{port}")
        time.sleep(0.5)
        yield heard
        while socket.poll(500):
            heard.append(b"".join(socket.recv_multipart()))
    finally:
        socket.close(linger=0)
        context.term()
