"""A cell's prompts for standard input: asked one at a time, answered by their number."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from ..facts.errors import EngeeError, GatewayError, NetworkError, RateLimitedError
from ..facts.events import Input
from .cell import Cell
from .output import Output
from .remote import Remote

END_OF_INPUT = "\x04"
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0


class Prompts:
    """`replayed`: the cell's events are shown a second time, so that a prompt among them may be answered already."""

    def __init__(self, remote: Remote, cell: Cell, output: Output, *, replayed: bool) -> None:
        self._remote = remote
        self._cell = cell
        self._output = output
        self._replayed = replayed
        self._asking: asyncio.Task[None] | None = None

    async def ask(self, prompt: Input) -> None:
        """Ask the person beside all else; a cell has one open prompt, so an earlier one is over."""
        await self.close()
        self._asking = asyncio.create_task(self._answer(prompt))

    async def close(self) -> None:
        if self._asking is not None and not self._asking.done():
            self._asking.cancel()
            with suppress(asyncio.CancelledError):
                await self._asking
        self._asking = None

    async def _answer(self, prompt: Input) -> None:
        if self._replayed and not await self._is_open(prompt):
            return
        line = await self._output.ask(prompt)
        pause_s = FIRST_PAUSE_S
        # as long as the cell is followed, whose own bound this is under: a line typed once is not to be typed again
        while not self._cell.over:
            text = END_OF_INPUT if line is None else line
            try:
                await self._remote.call("answer", self._cell.cell_id, prompt.prompt_id, text)
                return
            except (NetworkError, GatewayError, RateLimitedError):
                self._output.condition("what was typed has not arrived yet, sending it again")
                await asyncio.sleep(pause_s)
            except EngeeError as error:
                # a refusal that lasts ends the following of the cell, and this with it
                self._output.notice(f"What was typed did not reach the cell ({error.message.rstrip('.')}).")
                await asyncio.sleep(pause_s)
                line = await self._output.ask(prompt)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _is_open(self, prompt: Input) -> bool:
        try:
            answer = await self._remote.call("open_prompt", self._cell.cell_id)
        except EngeeError:
            return True  # a question too many is answered in vain; one too few leaves the cell waiting
        return answer.get("prompt") == prompt.prompt_id
