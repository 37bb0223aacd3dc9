"""Values to a real Julia and back, without a notebook."""

from __future__ import annotations

import asyncio
from typing import Any

from engee_kernel import exchange
from engee_kernel.api.client import EngeeClient
from engee_kernel.cells.cell import Cell
from engee_kernel.cells.options import Options
from engee_kernel.cells.running import run
from engee_kernel.cells.session import Session
from engee_kernel.emulator.process import LocalEngee
from engee_kernel.exchange import variables
from engee_kernel.facts.events import Event, Failure, Input, Result


class Quiet:
    """An output that keeps remarks."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    async def publish(self, event: Event) -> None:
        pass

    async def ask(self, prompt: Input) -> str | None:
        return None

    def condition(self, text: str) -> None:
        pass

    def notice(self, text: str) -> None:
        self.notices.append(text)


class Exchanger:
    """Python values to a real Julia and back; not asynchronous, for Hypothesis."""

    def __init__(self, engee: LocalEngee) -> None:
        self._runner = asyncio.new_event_loop()
        self.client = EngeeClient(engee.url, engee.token)
        self.session = Session(self.client, Options(workspace="notebook"), tell=print)
        self.notices: list[str] = []

    def put(self, **values: Any) -> None:
        payload = exchange.encode(values)
        self.notices = payload.notices
        self._wait(variables.ready(self.session, Quiet()))
        self._wait(variables.put(self.session, payload))

    def get(self, *names: str) -> dict[str, Any]:
        self._wait(variables.ready(self.session, Quiet()))
        return self._wait(variables.get(self.session, names))

    def round_trip(self, value: Any) -> Any:
        self.put(value=value)
        return self.get("value")["value"]

    def julia(self, code: str) -> str:
        """Code's value as text, in the workspace of the session."""
        shown: list[str] = []

        class Output(Quiet):
            async def publish(self, event: Event) -> None:
                if isinstance(event, Failure):
                    raise AssertionError(event.message)
                if isinstance(event, Result):
                    shown.append(event.data["text/plain"])

        self._wait(run(self.session, Cell(code, 1), Output()))
        return "".join(shown)

    def value(self, code: str) -> Any:
        """Code's value as Python has it."""
        self.julia(f"value = ({code}); nothing")
        return self.get("value")["value"]

    def close(self) -> None:
        async def end() -> None:
            await self.session.detach()
            await self.client.close()

        self._wait(end())
        self._runner.close()

    def _wait(self, work: Any) -> Any:
        return self._runner.run_until_complete(work)
