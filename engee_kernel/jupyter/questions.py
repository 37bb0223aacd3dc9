"""What a front end asks while the person types: completion, inspection, completeness, history.

Answered also while a cell runs, which the base class does not do.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Mapping
from contextlib import suppress
from contextvars import copy_context
from fnmatch import fnmatchcase
from typing import Any

import comm
import ipykernel.ipkernel  # noqa: F401 - it makes comms that reach front ends
from ipykernel.kernelbase import Kernel
from jupyter_client.jsonutil import extract_dates

from .. import magics
from ..agent import completions, docs
from ..controls.writers import TARGET as WRITES
from ..controls.writers import Writers
from ..facts.errors import EngeeError
from ..household.services import Services
from ..messages.transcripts import Transcripts
from . import cursors
from .arrivals import Arrival, Arrivals
from .editors import Editors, is_of_vs_code
from .labels import labels

IS_COMPLETE_BOUND_S = 0.7  # jupyter console waits for one second
COMMS = ("comm_open", "comm_msg", "comm_close")
CONCURRENT = frozenset(
    {
        "complete_request",
        "inspect_request",
        "is_complete_request",
        "kernel_info_request",
        "history_request",
        "comm_info_request",
        "connect_request",
        # a control that is moved while a cell runs: its front end sends no more until it has heard of that
        *COMMS,
    }
)

KEPT_ARRIVALS = 4096
HEADER, METADATA, CONTENT = 1, 3, 4
"""Their places in a message, behind its signature."""


class AnsweringKernel(Kernel):
    """The part of the kernel that only reads. `services.session` is there once there is one."""

    services: Services

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.arrivals = Arrivals()
        self._arrived: dict[str, Arrival] = {}
        self.editors = Editors()
        self.comm_manager = comm.get_comm_manager()
        """Called so by the base class, which tells front ends of the comms in it."""
        self.writers = Writers()
        self.comm_manager.register_target(WRITES, self.writers.opened)
        self.turn = asyncio.Lock()
        """Held by what runs: requests in the order in which they come, and between them what controls run again."""
        self.running_cell: Mapping[str, Any] | None = None
        self.transcripts = Transcripts()

    def arrival(self, header: Mapping[str, Any]) -> Arrival:
        """How the shell message with this header came; asked once."""
        now = time.monotonic()
        return self._arrived.pop(str(header.get("msg_id", "")), Arrival(now, now))

    async def shell_main(self, subshell_id: str | None, msg: Any) -> None:
        """Called for each shell message. Requests that only read do not wait for the running cell.

        The base class serialises all of them behind it: a completion would come when the cell has ended.
        """
        # by its id: the base class runs all of them in one context. Noted now: where a message has no date, the base
        # class gives it the moment of its turn
        header = self._part(msg, HEADER)
        self._arrived[str(header.get("msg_id", ""))] = self.arrivals.note(header, time.monotonic())
        if len(self._arrived) > KEPT_ARRIVALS:
            del self._arrived[next(iter(self._arrived))]
        if header.get("msg_type") == "execute_request":
            self._note_cell(header, msg)
        if subshell_id is None and header.get("msg_type") in CONCURRENT:
            idents, frames = self.session.feed_identities(msg, copy=False)
            try:
                message = self.session.deserialize(frames, content=True, copy=False)
            except ValueError as error:
                self.log.warning("A message was not understood: %s", error)
                return
            self.arrival(message["header"])
            await self._answer_beside(idents, message)
            return
        async with self.turn:
            await super().shell_main(subshell_id, msg)

    def _part(self, msg: Any, place: int) -> Mapping[str, Any]:
        """A peek at it; {} for what is no message (the base class then says so)."""
        if len(msg) == 1:
            return {}
        try:
            _, frames = self.session.feed_identities(msg, copy=False)
            # whether the signature is right is looked at when the whole message is read
            return dict(extract_dates(self.session.unpack(frames[place].bytes)))
        except (ValueError, TypeError, KeyError, IndexError):
            return {}

    def _note_cell(self, header: Mapping[str, Any], msg: Any) -> None:
        """A cell was sent: a page that opens before its turn shows that it waits. VS Code has no such pages."""
        cell_id = self._part(msg, METADATA).get("cellId")
        content = self._part(msg, CONTENT)
        if isinstance(cell_id, str) and not is_of_vs_code(cell_id) and not content.get("silent"):
            self.transcripts.queue(str(header.get("msg_id")), cell_id, str(content.get("code", "")))

    async def _answer_beside(self, idents: Any, message: Mapping[str, Any]) -> None:
        stream = self.shell_channel_thread.manager.get_subshell_to_shell_channel_socket(None)
        self._publish_status("busy", "shell", parent=message)
        try:
            kind = message["header"]["msg_type"]
            if kind in COMMS:
                await self._take_comm(kind, stream, idents, message)
                return
            with self.editors.of(message["header"]):
                await self.shell_handlers[kind](stream, idents, message)
        except EngeeError:
            self.log.exception("%s failed", message["header"]["msg_type"])
        finally:
            self._publish_status("idle", "shell", parent=message)
            self.busy_again()

    async def _take_comm(self, kind: str, stream: Any, idents: Any, message: Mapping[str, Any]) -> None:
        """What is published because of the message has it for its parent, and so have the tasks that it begins."""
        context = copy_context()
        context.run(self._shell_parent_ident.set, idents)
        context.run(self._shell_parent.set, message)
        result = context.run(self.shell_handlers[kind], stream, idents, message)
        if inspect.isawaitable(result):
            await context.run(asyncio.ensure_future, result)

    def busy_again(self) -> None:
        """Front ends show the state that came last: behind the idle of an answered question say that a cell runs.

        On the cells' own thread, where the cell's own idle can't come in between.
        """
        if self.running_cell is not None:
            self._publish_status("busy", "shell", parent=self.running_cell)

    async def do_complete(self, code: str, cursor_pos: int) -> dict[str, Any]:
        """Called for complete_request; positions in it and in the reply as the front end counts."""
        cursor_pos = cursors.to_code_points(code, cursor_pos)
        table = await self._completions(code, cursor_pos)
        start, end = cursors.from_code_points(code, table.start), cursors.from_code_points(code, table.end)
        types = [
            {"start": start, "end": end, "text": match.text, "type": match.type, "signature": ""}
            for match in table.matches
        ]
        return {
            "status": "ok",
            "matches": labels(code[table.start : table.end], [match.text for match in table.matches]),
            "cursor_start": start,
            "cursor_end": end,
            "metadata": {"_jupyter_types_experimental": types},
        }

    async def _completions(self, code: str, cursor: int) -> completions.Table:
        local = await magics.complete(self.services, code, cursor)
        if local is not None:
            return completions.Table(tuple(completions.Match(text, "magic") for text in local[1]), local[0], cursor)
        question = completions.question(code, cursor)
        answer = await self._ask("complete", *question) if question else {}
        return completions.table(code, cursor, answer)

    async def do_inspect(
        self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: object = ()
    ) -> dict[str, Any]:
        """Called for inspect_request; `cursor_pos` as the front end counts."""
        answer = await self._ask("inspect", code, cursors.to_code_points(code, cursor_pos), detail_level)
        found = bool(answer.get("found"))
        return {"status": "ok", "found": found, "data": docs.inspection(answer) if found else {}, "metadata": {}}

    async def do_is_complete(self, code: str) -> dict[str, Any]:
        """Called for is_complete_request, by consoles, which take an answer that comes late for the next cell's end."""
        status, code = magics.completeness(code)
        if status:
            return {"status": status, **({"indent": ""} if status == "incomplete" else {})}
        answer: Mapping[str, Any] | None = None
        if self.services.session is not None:
            with suppress(asyncio.TimeoutError, TimeoutError):
                answer = await asyncio.wait_for(self.services.session.ask("is_complete", code), IS_COMPLETE_BOUND_S)
        if not answer:
            return {"status": "unknown"}
        reply = {"status": answer["status"]}
        if reply["status"] == "incomplete":
            reply["indent"] = answer.get("indent", "")
        return reply

    async def do_history(
        self,
        hist_access_type: str,
        output: bool,
        raw: bool,
        session: Any = None,
        start: Any = None,
        stop: Any = None,
        n: int | None = None,
        pattern: str | None = None,
        unique: bool = False,
    ) -> dict[str, Any]:
        """Called for history_request: this kernel's own cells, session 0."""
        entries = [(0, count, code) for count, code in self.services.history()]
        if hist_access_type == "range":
            entries = [entry for entry in entries if (start or 0) <= entry[1] < (stop or entry[1] + 1)]
        if hist_access_type == "search" and pattern:
            entries = [entry for entry in entries if fnmatchcase(entry[2], pattern)]
        if unique:
            entries = list({entry[2]: entry for entry in entries}.values())
        if hist_access_type in ("tail", "search") and n:
            entries = entries[-n:]
        return {"status": "ok", "history": [(*entry[:2], (entry[2], None)) if output else entry for entry in entries]}

    async def _ask(self, function: str, *arguments: Any) -> Mapping[str, Any]:
        """The agent on code of this notebook; {} where it can't be asked."""
        engee = self.services.session
        if engee is None:
            return {}
        return await engee.ask(function, engee.notebook, *arguments) or {}
