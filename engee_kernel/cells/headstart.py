"""Installing the agent while this process still loads what a kernel is made of: in a thread, in a loop of its own.

Half of what a first cell waits for is Julia reading the agent, and loading a kernel's Python takes as long.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future

from ..api.client import EngeeClient
from ..facts.errors import EngeeError
from .output import Options
from .remote import Remote


class HeadStart:
    """Begun when it is made. `client` is its own: each of its calls is tried once."""

    def __init__(self, client: EngeeClient, options: Options) -> None:
        self._client = client
        self._options = options
        self._remote: Future[Remote | None] = Future()
        self._remote.set_running_or_notify_cancel()  # who waits and is cancelled must not end it for others
        # a daemon: a kernel that is shut down does not wait for Engee's answer
        threading.Thread(target=self._run, name="head start", daemon=True).start()

    async def remote(self) -> Remote | None:
        """The agent's calls, it being installed; None where it could not be yet: a cell tries again, and says why."""
        return await asyncio.wrap_future(self._remote)

    def _run(self) -> None:
        try:
            self._remote.set_result(asyncio.run(self._install()))
        except BaseException as error:  # for those who wait: in this thread nobody would see it
            self._remote.set_exception(error)

    async def _install(self) -> Remote | None:
        remote = Remote(self._client, poll_wait_s=self._options.poll_wait_s, from_image=self._options.image)
        try:
            if not (await self._client.status()).running:
                return None
            await remote.ensure()
        except EngeeError:
            return None
        finally:
            await self._client.close()
        return remote
