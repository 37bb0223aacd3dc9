"""The agent in one Engee session: installing it, calling it, and how long it may be waited on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from .. import agent
from ..agent.dialogue import AnswerCutError, CellAnswer, PieceMissingError, read_answer, read_cell
from ..api.client import EngeeClient
from ..api.retry import retrying
from ..facts.errors import AgentUnavailableError, CodeError, EngeeError, GatewayError, ReplyLostError, TooLargeError

REPLY_MARGIN_S = 15.0
INSTALL_TIMEOUT_S = 60.0
PIECE_BYTES = 8000
SERIAL_WAIT_S = 0.9
MIN_WAIT_S = 0.5
ANSWER_BYTES = 1_000_000
MIN_ANSWER_BYTES = 500
PROBE_AFTER_S = 0.1
PROBES_LIMIT = 4
"""So many unanswered probes, and requests are taken to be answered one by one."""


class Remote:
    """Calls to the agent. `epoch` names the Julia process that holds the variables; "" before it is known.

    A call brings along the pieces of the agent that it needs and that this process is not known to have.

    `begun`: awaits an installation that was begun elsewhere; None comes of it where there is none to take over.
    """

    def __init__(
        self,
        client: EngeeClient,
        *,
        poll_wait_s: float,
        from_image: bool = True,
        begun: Callable[[], Awaitable[Remote | None]] | None = None,
    ) -> None:
        self._client = client
        self._from_image = from_image
        self._begun = begun
        self._installing = asyncio.Lock()
        self._longest_wait_s = poll_wait_s
        self._answer_bytes = ANSWER_BYTES
        self._in_parts = False
        self._probes = 0
        self._known: dict[str, set[str]] = {}
        self.epoch = ""
        self.heard_at = 0.0
        """When the process with this epoch last answered, by `time.monotonic`."""
        self.hello: Mapping[str, Any] = {}
        self.parallel: bool | None = None
        """Whether this Engee answers a request while it holds another one; None before that was seen."""

    def beside(self) -> Remote:
        """Calls to the same process for somebody who goes on in another one where this one is gone."""
        other = Remote(self._client, poll_wait_s=self._longest_wait_s, from_image=self._from_image)
        other._learn_from(self)
        return other

    def _learn_from(self, other: Remote) -> None:
        self.epoch, self.heard_at = other.epoch, other.heard_at
        self.hello, self.parallel = other.hello, other.parallel
        self._known, self._in_parts = other._known, other._in_parts

    @property
    def wait_s(self) -> float:
        """How long the agent may hold back an answer.

        Where evals run one by one, a held one keeps all others waiting, so it is held for less than a second.
        """
        return self._longest_wait_s if self.parallel else min(SERIAL_WAIT_S, self._longest_wait_s)

    def wait_was_too_long(self) -> None:
        """A proxy cut a long poll off: hold the next ones for less."""
        self._longest_wait_s = max(MIN_WAIT_S, self._longest_wait_s / 2)

    def forget_epoch(self) -> None:
        """The next `ensure` installs the agent anew."""
        self.epoch = ""

    async def ensure(self) -> None:
        """Install the agent unless it is known to be there.

        Raises AgentUnavailableError where this Engee does not take it; other errors of the API as they are.
        """
        if self.epoch:
            return
        async with self._installing:
            if self.epoch:
                return
            if self._begun is not None:
                earlier, self._begun = await self._begun(), None
                if earlier is not None:
                    self._learn_from(earlier)
                    return
            # a new Julia may compile longer than a proxy waits; it goes on meanwhile, and the next try finds it done
            answer = await retrying(self._install, when=is_stall, bound_s=INSTALL_TIMEOUT_S)
            epoch = answer.get("epoch")
            if not isinstance(epoch, str) or not epoch:
                raise AgentUnavailableError("The agent was installed but does not introduce itself.")
            self.hello = answer
            self._known[epoch] = {str(name) for name in answer.get("pieces") or ()}
            self.epoch, self.heard_at = epoch, time.monotonic()

    async def call(self, function: str, *args: Any, wait_s: float = 0.0, **options: Any) -> Mapping[str, Any]:
        """One call that is harmless to repeat, repeated while the network fails (within the client's bound)."""
        await self.bring([function])
        try:
            answer = await self._call(function, args, wait_s, options)
        except PieceMissingError:
            self._known.pop(self.epoch, None)
            answer = await self._call(function, args, wait_s, options)
        self.brought([function])
        self.heard_at = time.monotonic()
        return answer

    async def _call(
        self, function: str, args: Sequence[Any], wait_s: float, options: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        command = agent.call(function, self.epoch, *args, known=self._pieces, **options)
        return read_answer(await self._client.eval(command, timeout_s=wait_s + REPLY_MARGIN_S, repeatable=True))

    async def cell_call(
        self, function: str, *args: Any, wait_s: float, margin_s: float = REPLY_MARGIN_S, **options: Any
    ) -> CellAnswer:
        """`submit` or `events`, tried once: the cell's life decides what a failure means."""
        while True:
            if self._answer_bytes < ANSWER_BYTES:
                options["max_bytes"] = self._answer_bytes
            command = agent.call(function, self.epoch, *args, **options)
            try:
                answer = read_cell(await self._held(command, wait_s + margin_s))
                self.heard_at = time.monotonic()
                return answer
            except AnswerCutError as error:
                # asking for the same cell again is harmless; the events come in smaller portions
                if self._answer_bytes <= MIN_ANSWER_BYTES:
                    raise
                self._answer_bytes = max(MIN_ANSWER_BYTES, min(self._answer_bytes // 2, error.length // 2))

    async def _held(self, command: str, timeout_s: float) -> str:
        """A request that Engee may hold. The first one held for long shows whether others are answered meanwhile."""
        if self.parallel is not None:
            return await self._client.eval(command, timeout_s=timeout_s)
        probe = asyncio.create_task(self._probe())
        try:
            text = await self._client.eval(command, timeout_s=timeout_s)
            if probe.done() and probe.result():
                self.parallel = True
            elif self._probes >= PROBES_LIMIT:
                self.parallel = False
            return text
        finally:
            probe.cancel()
            with suppress(asyncio.CancelledError):
                await probe

    async def _probe(self) -> bool:
        """Ask for nothing beside a held request; True once that is answered."""
        await asyncio.sleep(PROBE_AFTER_S)
        self._probes += 1
        with suppress(EngeeError):
            await self._client.eval("nothing")
            return True
        return False

    def command(self, function: str, *args: Any, **options: Any) -> str:
        """A call as Julia code, for a job."""
        return agent.call(function, self.epoch, *args, known=self._pieces, **options)

    def commands(self, calls: Sequence[Sequence[Any]]) -> list[str]:
        """Several calls as Julia code, to be carried out in this order."""
        return agent.calls([(function, self.epoch, *args) for function, *args in calls], known=self._pieces)

    async def bring(self, functions: Collection[str], *, ahead: bool = False) -> None:
        """Where commands must be short: see that what these calls need is there before they are made.

        `ahead`: anyhow. Julia is busy with the pieces and with the call for a shorter moment each.
        """
        if not (self._in_parts or ahead):
            return
        for function in functions:
            if agent.pieces_for(function) - set(self._pieces):
                for part in self._defining(function):
                    read_answer(await self._eval(part))
                self.brought([function])

    def _defining(self, function: str) -> list[str]:
        if self._in_parts:
            return agent.piece_commands(function, self.epoch, self._pieces, PIECE_BYTES)
        return [agent.define_command(function, self.epoch, self._pieces)]

    def brought(self, functions: Collection[str]) -> None:
        """These calls were answered: what they needed is there."""
        pieces = self._known.setdefault(self.epoch, set())
        for function in functions:
            pieces |= agent.pieces_for(function)

    @property
    def _pieces(self) -> Collection[str]:
        return self._known.get(self.epoch, frozenset())

    async def _install(self) -> Mapping[str, Any]:
        try:
            try:
                text = await self._eval(agent.install_command(from_image=self._from_image))
            except TooLargeError:
                self._in_parts = True
                text = ""
                for piece in agent.install_commands(PIECE_BYTES, from_image=self._from_image):
                    text = await self._eval(piece)
        except CodeError as error:
            raise AgentUnavailableError(
                f"The agent can't be installed in this Engee: {error.short_description}."
            ) from error
        return read_answer(text)

    async def _eval(self, command: str) -> str:
        return await self._client.eval(command, timeout_s=INSTALL_TIMEOUT_S, repeatable=True)

    async def learn_whether_parallel(self) -> None:
        """Find out `parallel` now, for who tells people of it; cells find it out while they run."""
        # behind the installation Julia compiles: for a moment it may answer nothing
        slow = asyncio.create_task(self._client.eval("sleep(0.25)", timeout_s=INSTALL_TIMEOUT_S, repeatable=True))
        try:
            await asyncio.sleep(0.05)
            await self._client.eval("nothing", timeout_s=INSTALL_TIMEOUT_S, repeatable=True)
            self.parallel = not slow.done()
        finally:
            await slow


def is_stall(error: BaseException) -> bool:
    """A held request ran into a time limit, the client's own or a proxy's."""
    return (isinstance(error, ReplyLostError) and error.timed_out) or (
        isinstance(error, GatewayError) and error.timed_out
    )
