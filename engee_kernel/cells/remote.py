"""The agent in one Engee session: installing it, calling it, and how long it may be waited on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from .. import agent
from ..agent.dialogue import AnswerCutError, CellAnswer, read_answer, read_cell
from ..api.client import EngeeClient
from ..api.retry import retrying
from ..facts.errors import AgentUnavailableError, CodeError, GatewayError, ReplyLostError, TooLargeError

REPLY_MARGIN_S = 15.0
INSTALL_TIMEOUT_S = 60.0
PIECE_BYTES = 8000
SERIAL_WAIT_S = 0.9
MIN_WAIT_S = 0.5
ANSWER_BYTES = 1_000_000
MIN_ANSWER_BYTES = 500


class Remote:
    """Calls to the agent. `epoch` names the Julia process that holds the variables; "" before it is known."""

    def __init__(self, client: EngeeClient, *, poll_wait_s: float) -> None:
        self._client = client
        self._installing = asyncio.Lock()
        self._longest_wait_s = poll_wait_s
        self._answer_bytes = ANSWER_BYTES
        self.epoch = ""
        self.hello: Mapping[str, Any] = {}
        self.parallel = True

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
            # a new Julia may compile longer than a proxy waits; it goes on meanwhile, and the next try finds it done
            answer = await retrying(self._install, when=is_stall, bound_s=INSTALL_TIMEOUT_S)
            epoch = answer.get("epoch")
            if not isinstance(epoch, str) or not epoch:
                raise AgentUnavailableError("The agent was installed but does not introduce itself.")
            self.parallel = await self._answers_in_parallel()
            self.hello = answer
            self.epoch = epoch

    async def call(self, function: str, *args: Any, wait_s: float = 0.0, **options: Any) -> Mapping[str, Any]:
        """One call that is harmless to repeat, repeated while the network fails (within the client's bound)."""
        return read_answer(
            await self._client.eval(
                agent.call(function, self.epoch, *args, **options),
                timeout_s=wait_s + REPLY_MARGIN_S,
                repeatable=True,
            )
        )

    async def cell_call(
        self, function: str, *args: Any, wait_s: float, margin_s: float = REPLY_MARGIN_S, **options: Any
    ) -> CellAnswer:
        """`submit` or `events`, tried once: the cell's life decides what a failure means."""
        while True:
            if self._answer_bytes < ANSWER_BYTES:
                options["max_bytes"] = self._answer_bytes
            command = agent.call(function, self.epoch, *args, **options)
            try:
                return read_cell(await self._client.eval(command, timeout_s=wait_s + margin_s))
            except AnswerCutError as error:
                # asking for the same cell again is harmless; the events come in smaller portions
                if self._answer_bytes <= MIN_ANSWER_BYTES:
                    raise
                self._answer_bytes = max(MIN_ANSWER_BYTES, min(self._answer_bytes // 2, error.length // 2))

    def command(self, function: str, *args: Any, **options: Any) -> str:
        """A call as Julia code, for a job."""
        return agent.call(function, self.epoch, *args, **options)

    async def _install(self) -> Mapping[str, Any]:
        try:
            try:
                text = await self._eval(agent.install_command())
            except TooLargeError:
                text = ""
                for piece in agent.install_commands(PIECE_BYTES):
                    text = await self._eval(piece)
        except CodeError as error:
            raise AgentUnavailableError(
                f"The agent can't be installed in this Engee: {error.short_description}."
            ) from error
        return read_answer(text)

    async def _eval(self, command: str) -> str:
        return await self._client.eval(command, timeout_s=INSTALL_TIMEOUT_S, repeatable=True)

    async def _answers_in_parallel(self) -> bool:
        """Whether a quick eval is answered while a slow one is held."""
        # behind the installation Julia compiles: for seconds it may answer nothing
        slow = asyncio.create_task(self._client.eval("sleep(0.25)", timeout_s=INSTALL_TIMEOUT_S, repeatable=True))
        try:
            await asyncio.sleep(0.05)
            await self._client.eval("nothing", timeout_s=INSTALL_TIMEOUT_S, repeatable=True)
            return not slow.done()
        finally:
            await slow


def is_stall(error: BaseException) -> bool:
    """A held request ran into a time limit, the client's own or a proxy's."""
    return (isinstance(error, ReplyLostError) and error.timed_out) or (
        isinstance(error, GatewayError) and error.timed_out
    )
