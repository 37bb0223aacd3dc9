"""The Jupyter kernel: requests in, replies out. What a cell goes through is `session`'s."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import time
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any

from .. import magics
from ..cells.cell import Cell, State
from ..facts.errors import EngeeError, SettingError, StillRunningError
from ..facts.events import Input
from ..facts.version import __version__
from ..household.services import Ask, Services
from ..messages.publisher import Publisher
from ..messages.tracebacks import expression_contents
from .editors import file_of
from .pages import TARGET, Pages
from .questions import AnsweringKernel
from .stage import KernelStage
from .stdin import Prompts

PROTOCOL_VERSION = "5.4"
SHUTDOWN_FOLLOWS_S = 0.1
OVERTAKES_BY_S = 2.0
PREPARE_AFTER_S = 0.3


class EngeeKernel(AnsweringKernel):
    """Runs cells in Engee. One per process; all remote work belongs to the main thread's event loop."""

    implementation = "engee_kernel"
    implementation_version = __version__
    banner = f"Engee (Julia) – engee_kernel {__version__}"
    language_info = {  # noqa: RUF012 - the base class's attribute
        "name": "julia",
        "version": "1",
        "mimetype": "text/x-julia",
        "file_extension": ".jl",
        "codemirror_mode": "julia",
        "pygments_lexer": "julia",
    }
    help_links = [  # noqa: RUF012
        {"text": "Engee documentation", "url": "https://engee.com/helpcenter/stable/en/"},
        {"text": "Julia documentation", "url": "https://docs.julialang.org/en/v1/"},
    ]
    _execute_sleep = 0.0

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        for kind in ("comm_msg", "comm_close"):
            self.shell_handlers[kind] = getattr(self.comm_manager, kind)
        self.shell_handlers["comm_open"] = self.comm_open
        self._prompts = Prompts(self.session, self.stdin_socket)
        self._pages = Pages(self.transcripts, self._publish, self._prompts.ask_again)
        self.services = Services()
        self._shutting_down = False
        self._work: asyncio.Task[dict[str, Any]] | None = None
        self._interrupted: tuple[Any, float] | None = None  # the client's time, and ours by the monotonic clock
        self._main_loop: asyncio.AbstractEventLoop | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._replied_at = self._failed_at = -math.inf
        self._leaving: asyncio.Future[None] | None = None

    @property
    def kernel_info(self) -> dict[str, Any]:
        """Without the base class's look for a debugger, which costs 0.1 s and finds none."""
        return {
            "protocol_version": PROTOCOL_VERSION,
            "implementation": self.implementation,
            "implementation_version": self.implementation_version,
            "language_info": self.language_info,
            "banner": self.banner,
            "help_links": self.help_links,
            "supported_features": [],
        }

    def start(self) -> None:
        """Called by the application on the main thread, just before its loop runs."""
        super().start()
        self.io_loop.add_callback(self._on_loop)

    async def _on_loop(self) -> None:
        self._main_loop = asyncio.get_running_loop()
        with suppress(NotImplementedError):  # on Windows, where nobody is told of its end
            self._main_loop.add_signal_handler(signal.SIGTERM, self._on_terminate)
        self._preparing = self._main_loop.create_task(self._prepare())

    async def _prepare(self) -> None:
        """Install the agent before the first cell, beside everything else, and look what earlier kernels left there.

        A cell will say what fails.

        Not before the front end's first questions are answered: it waits for those to show the kernel as ready.
        """
        await asyncio.sleep(PREPARE_AFTER_S)
        try:
            self.services.look_back()
        except SettingError as error:
            self.log.info("Not ready for Engee yet: %s", error.message)

    async def comm_open(self, stream: Any, ident: Any, msg: dict[str, Any]) -> None:
        """Called by the base class. Ours needs no object that lives: one question, its answers, closed.

        The comm manager closes at once what is opened for a target that nobody registered: widgets would wait for it.
        """
        if msg["content"].get("target_name") == TARGET:
            self._pages.opened(ident, msg)
        else:
            self.comm_manager.comm_open(stream, ident, msg)

    def _publish(self, kind: str, content: Mapping[str, Any], parent: Mapping[str, Any]) -> Mapping[str, Any]:
        """Put a message on iopub; what was sent."""
        sent: Mapping[str, Any] = self.session.send(
            self.iopub_socket, kind, dict(content), parent, ident=self._topic(kind)
        )
        return sent

    # SIGINT stays ignored: interrupts come as messages, on every system

    def pre_handler_hook(self) -> None:
        """Called by the base class before each shell request."""

    def post_handler_hook(self) -> None:
        """Called by the base class after each shell request."""

    # Cells

    async def do_execute(
        self,
        code: str,
        silent: bool,
        store_history: bool = True,
        user_expressions: Mapping[str, str] | None = None,
        allow_stdin: bool = False,
        *,
        cell_meta: Any = None,
        cell_id: Any = None,
    ) -> dict[str, Any]:
        """Called by the base class for an execute_request; always gives a reply."""
        self.running_cell = self.get_parent("shell")
        self.editors.ran(self.running_cell["header"], cell_id)
        self.services.runs_in(file_of(cell_id))
        try:
            return await self._execute(code, silent, store_history, user_expressions or {}, allow_stdin, cell_id)
        finally:
            self.transcripts.end(self.running_cell["header"]["msg_id"])
            self.running_cell = None
            self._replied_at = time.monotonic()

    async def _execute(
        self,
        code: str,
        silent: bool,
        store_history: bool,
        user_expressions: Mapping[str, str],
        allow_stdin: bool,
        cell_id: Any,
    ) -> dict[str, Any]:
        count = self.execution_count
        if not (store_history or silent):
            self.execution_count -= 1  # the base class has counted it
        parent = self.get_parent("shell")
        identity = self._get_shell_context_var(self._shell_parent_ident)
        reply: dict[str, Any] = {"execution_count": count, "user_expressions": {}, "payload": []}
        if not code.strip():
            return {"status": "ok", **reply}

        kept = self.transcripts.begin(parent["header"]["msg_id"], count)

        def send(kind: str, content: Mapping[str, Any]) -> None:
            sent = self._publish(kind, content, parent)
            if kept is not None:
                self.transcripts.add(kept, sent["header"]["msg_id"], kind, content)

        async def ask(prompt: Input) -> str | None:
            line = await self._prompts.read_line(prompt, identity, parent)
            if kept is not None and line is not None and not prompt.password:
                # as JupyterLab shows what was typed
                kept.echo("stream", {"name": "stdin", "text": f"{prompt.prompt} {line}\n"})
            return line

        if store_history and not silent:
            self.services.cells.append((count, code))
        cell = Cell(code, count, silent=silent, stdin_allowed=allow_stdin, expressions=dict(user_expressions))
        output = Publisher(send, ask, execution_count=count, silent=silent)
        # where nobody can answer a question, nobody can move a control
        stage = KernelStage(self, output, send, ask, str(cell_id or ""), count) if allow_stdin and not silent else None
        reply |= await self.show(cell, output, ask, stage)
        if output.failure is not None:
            return {"status": "error", **reply, **output.failure}
        if output.done is not None:
            reply["user_expressions"] = expression_contents(output.done.expressions)
        return {"status": "ok", **reply}

    async def show(self, cell: Cell, output: Publisher, ask: Ask, stage: KernelStage | None = None) -> dict[str, Any]:
        """Run the cell; whatever ends it is shown. What its magics add to the reply."""
        replies: dict[str, Any] = {}
        async with output:
            self.services.begin(None if cell.silent else output, ask if cell.stdin_allowed else None, stage)
            try:
                if self._was_interrupted_before(self.get_parent("shell")):
                    raise StillRunningError("Interrupted before the cell was sent to Engee: it was not run.")
                replies = await self._interruptible(self._run(cell, output))
            except EngeeError as error:
                output.error(error)
            except asyncio.CancelledError:
                output.error(StillRunningError("The kernel was shut down while the cell ran."))
            except Exception as error:  # the boundary: whatever it is, the front end gets a reply
                self.log.exception("A cell failed inside the kernel")
                output.error(EngeeError(f"The kernel itself failed: {type(error).__name__}: {error}"))
            finally:
                self.services.end()
        if stage is not None:
            stage.over()
        return replies

    async def _run(self, cell: Cell, output: Publisher) -> dict[str, Any]:
        if not cell.silent:
            await self.services.tell_before(magics.julia_of(cell.code), output)
        try:
            return await magics.run_cell(self.services, cell, output)
        finally:
            if cell.state is State.LEFT and self.services.leftovers is not None:
                self.services.leftovers.left(cell)

    async def _interruptible(self, work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
        """The work as a task of its own: cancelling the handler's own task would lose the reply."""
        self._work = asyncio.create_task(work)
        try:
            return await self._work
        except asyncio.CancelledError:
            if self._shutting_down:
                raise
            raise StillRunningError("Interrupted.") from None
        finally:
            self._work = None

    def _abort_queues(self, subshell_id: str | None = None) -> None:
        """Called by the base class behind an error's reply: from now on `should_handle` decides what is aborted.

        The base class's own way aborts what is here at some moment, which is neither all that was queued (2 to 50
        of 50 in a measurement) nor only that.
        """
        if subshell_id is not None:
            super()._abort_queues(subshell_id)
            return
        self._failed_at = self._replied_at

    def should_handle(self, stream: Any, msg: Mapping[str, Any], idents: Any) -> bool:
        """Called by the base class for each request in its turn: cells sent before their client could know of an
        error are aborted.
        """
        arrival = self.arrival(msg["header"])
        if msg["header"]["msg_type"] != "execute_request" or not arrival.was_blind(self._failed_at):
            return True
        self.transcripts.drop(msg["header"]["msg_id"])
        self._send_abort_reply(stream, msg, idents)
        return False

    # Interrupts and the end

    async def process_control(self, msg: Any) -> None:
        """Called by the base class on the control thread, for each message there."""
        await super().process_control(msg)
        if self._main_loop is not None and self.running_cell is not None:
            self._main_loop.call_soon_threadsafe(self.busy_again)

    async def interrupt_request(self, stream: Any, ident: Any, parent: Mapping[str, Any]) -> None:
        """Called on the control thread. Replies at once; the cell's error follows when it has stopped."""
        self._interrupted = parent["header"].get("date"), time.monotonic()
        if self._main_loop is not None:
            self._main_loop.call_soon_threadsafe(self._interrupt_soon)
        self.session.send(stream, "interrupt_reply", {"status": "ok"}, parent, ident=ident)

    def _interrupt_soon(self) -> None:
        """A client's shutdown sends an interrupt right before it, which is not the person's."""
        if self._work is not None:
            asyncio.get_running_loop().call_later(SHUTDOWN_FOLLOWS_S, self._interrupt, self._work)

    def _interrupt(self, work: asyncio.Task[dict[str, Any]]) -> None:
        if self._shutting_down or self._work is not work:
            return  # the cell that was meant has ended: the next one is hit only if it was asked for before
        self._interrupted = None
        if not self.services.interrupt():
            work.cancel()

    def _was_interrupted_before(self, parent: Mapping[str, Any]) -> bool:
        """Whether an interrupt overtook this request on its way: control is faster than shell.

        Not for long: where a browser's clock and the notebook server's differ, their times alone would mislead.
        """
        interrupted, self._interrupted = self._interrupted, None
        if interrupted is None:
            return False
        (asked, noted_at), sent = interrupted, parent.get("header", {}).get("date")
        in_time = time.monotonic() - noted_at < OVERTAKES_BY_S
        return in_time and asked is not None and sent is not None and sent <= asked

    async def do_shutdown(self, restart: bool) -> dict[str, Any]:
        """Called on the control thread, and by `_leave`. A cell that runs is left to its job; a restart stops it."""
        self._shutting_down = True
        if self._main_loop is not None and self.services.sessions:
            ending = asyncio.run_coroutine_threadsafe(self._end(restart), self._main_loop)
            try:
                await asyncio.wait_for(asyncio.wrap_future(ending), timeout=4.0)
            except (TimeoutError, asyncio.TimeoutError):
                self.log.warning("Engee did not answer in time while the kernel shut down")
        return {"status": "ok", "restart": restart}

    def _on_terminate(self) -> None:
        """A front end ends the process without a word (VS Code), or the computer shuts down: say farewell first."""
        if self._leaving is None:
            self._leaving = asyncio.ensure_future(self._leave())

    async def _leave(self) -> None:
        await self.do_shutdown(restart=False)
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)

    async def _end(self, restart: bool) -> None:
        engee = self.services.session
        if engee is not None and engee.busy and restart:
            engee.interrupt()
            await engee.idle(bound_s=2.0)
        elif self._work is not None and (engee is None or not engee.busy):
            # a magic at work, e.g. a transfer: it takes away what is half-written
            self._work.cancel()
            await asyncio.wait({self._work}, timeout=2.5)
        try:
            stops = not restart and self.services.has_settings and self.services.settings.stop_on_shutdown
            await self.services.close(stop_server=stops)
        except EngeeError as error:
            self.log.warning("The Engee server was not stopped: %s", error.message)
