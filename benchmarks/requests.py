"""What is sent from a kernel's start to its first result, and what each request is for."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx

from engee_kernel import agent
from engee_kernel.api.client import EngeeClient
from engee_kernel.cells import running
from engee_kernel.cells.cell import Cell
from engee_kernel.cells.options import Options
from engee_kernel.cells.session import Session
from engee_kernel.emulator.process import LocalEngee
from engee_kernel.facts.events import Event, Input

EVAL = "external/command/eval"
CALL = re.compile(r"isdefined\(Main,:\w+\) \? Main\.\w+\.(?:call\(:)?(\w+)")
NAMES_DIFFER_BYTES = 100
KNOWN = {
    "GET /account/api/engee/info": "the server's state, and the address of its calls",
    "sleep(0.25)": "whether evals run in parallel: one that is held",
    "nothing": "whether evals run in parallel: one beside it",
}


class _Recording(EngeeClient):
    """Keeps what it was asked to run."""

    commands: list[str]

    async def eval(self, command: str, **options: Any) -> str:
        self.commands.append(command)
        return await super().eval(command, **options)


class _Ignored:
    """An output that nobody looks at."""

    async def publish(self, event: Event) -> None: ...

    async def ask(self, prompt: Input) -> str | None: ...

    def condition(self, text: str) -> None: ...

    def notice(self, text: str) -> None: ...


def first_commands() -> list[str]:
    """The code of each eval from a session's start to the end of its first cell, in a fresh Julia."""

    async def first(engee: LocalEngee) -> list[str]:
        async with _Recording(engee.url, engee.token) as client:
            client.commands = []
            session = Session(client, Options(), tell=print)
            await session.prepare()
            await running.run(session, Cell("1+1", 1, stdin_allowed=True), _Ignored())
            await session.detach()
            return client.commands

    with LocalEngee() as engee:
        return asyncio.run(first(engee))


def purpose(command: str) -> str:
    call = CALL.match(command)
    if call:
        return f"the agent's {call[1]}"
    if command in KNOWN:
        return KNOWN[command]
    return "the agent's sources" if agent.MODULE_NAME in command else f"“{command[:40]}”"


def explain(calls: list[dict[str, Any]], commands: list[str]) -> list[str]:
    """A line for each call of the local Engee's log. Commands are known by the length of what carries them: nearly, for
    names of notebooks differ."""
    of_length = {len(httpx.Request("POST", "http://x", json={"command": one}).content): one for one in commands}
    lines = []
    for call in calls:
        what = KNOWN.get(f"{call['method']} {call['path']}", call["path"])
        if call["path"].endswith(EVAL):
            nearest = min(of_length, key=lambda length: abs(length - call["received_bytes"]))
            is_near = abs(nearest - call["received_bytes"]) <= NAMES_DIFFER_BYTES
            what = purpose(of_length[nearest]) if is_near else "an eval"
        up, down, took_s = call["received_bytes"], call["sent_bytes"], call["duration_s"] or 0
        lines.append(f"{up:>9,} bytes up {down:>8,} down {took_s:7.2f} s  {what}")
    return lines
