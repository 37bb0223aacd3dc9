"""Installing the agent while this process still loads what a kernel is made of: in a thread, in a loop of its own.

Half of what a first cell waits for is Julia reading the agent, and loading a kernel's Python takes as long.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from .. import agent
from ..api.client import EngeeClient
from ..api.pool import rehearse
from ..api.wire import ServerStatus
from ..facts.errors import EngeeError
from .options import Options
from .remote import Remote

Tell = Callable[[str], None]

ASKED_AFTER_S = 0.003
"""So long after the state was asked for the question is on its way."""
WRITTEN_AFTER_S = 0.01
"""So long after it was begun a request is on its way, on a connection that stands."""


@dataclass(frozen=True)
class Found:
    """The server's state, and the agent's calls; None where they could not be had yet: a cell tries, and says why."""

    status: ServerStatus | None = None
    remote: Remote | None = None


class HeadStart:
    """Begun when it is made, each of its calls tried once. `connect` makes the client, which a session takes over."""

    def __init__(self, connect: Callable[[Tell], EngeeClient], options: Options) -> None:
        self._client = connect(self._remark)
        self._options = options
        self._remarks: list[str] = []
        self._tell: Tell | None = None
        self._found: Future[Found] = Future()
        self._found.set_running_or_notify_cancel()  # who waits and is cancelled must not end it for others
        self._on_its_way = threading.Event()
        rehearse()
        # a daemon: a kernel that is shut down does not wait for Engee's answer
        self._thread = threading.Thread(target=self._run, name="head start", daemon=True)
        self._thread.start()

    def wait_until_sent(self, bound_s: float) -> None:
        """Until Engee has been given the agent, or it is known that nothing comes of it."""
        self._on_its_way.wait(bound_s)

    def client(self, tell: Tell) -> EngeeClient:
        """For a session, whose remarks `tell` takes."""
        self._tell = tell
        return self._client

    async def found(self) -> Found:
        """What has come of it; within the bounds of its calls."""
        found = await asyncio.wrap_future(self._found)
        while self._remarks and self._tell is not None:
            self._tell(self._remarks.pop(0))
        return found

    async def remote(self) -> Remote | None:
        return (await self.found()).remote

    def _remark(self, text: str) -> None:
        if self._tell is None or threading.current_thread() is self._thread:
            self._remarks.append(text)
        else:
            self._tell(text)

    def _run(self) -> None:
        try:
            self._found.set_result(asyncio.run(self._install()))
        except BaseException as error:  # for those who wait: in this thread nobody would see it
            self._found.set_exception(error)
        finally:
            self._on_its_way.set()

    async def _install(self) -> Found:
        client = self._client.hurried()
        remote = Remote(client, poll_wait_s=self._options.poll_wait_s, from_image=self._options.image)
        status = None
        try:
            status = await self._status(client)
            if status.running:
                asyncio.get_running_loop().call_later(WRITTEN_AFTER_S, self._on_its_way.set)
                await remote.ensure()
        except EngeeError:
            return Found(status)
        finally:
            await client.close()
        return Found(status, remote if status.running else None)

    async def _status(self, client: EngeeClient) -> ServerStatus:
        asked = asyncio.ensure_future(client.status())
        await asyncio.wait({asked}, timeout=ASKED_AFTER_S)
        # made and kept while Engee answers
        agent.install_command(from_image=self._options.image)
        return await asked
