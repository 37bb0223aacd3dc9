"""Running a cell to its end, in agent mode or in plain mode, on a server that is started where need be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..api.retry import retrying
from ..facts.errors import EngeeError, GatewayError, ServerNotRunningError, SessionLostError
from ..facts.silence import Silence, is_gateways, waiting
from ..facts.text import duration
from . import image, plain, serving
from .cell import Cell, State
from .life import Life
from .output import Output
from .session import Session


async def run(session: Session, cell: Cell, output: Output) -> None:
    """Run a cell to its end; its Done event comes last. Raises what else ended it.

    StillRunningError: the person interrupted, or the connection is gone, and the code goes on.
    """

    async def attempt() -> None:
        if session.with_agent:
            async with session.following(Life(session, cell, output)) as life:
                await life.run()
        else:
            await plain.run_eval(session, cell, output)

    await session.attend(cell, output, sent(session, cell, output, attempt))


async def sent(session: Session, cell: Cell, output: Output, attempt: Callable[[], Awaitable[None]]) -> None:
    """Carry out `attempt`, which sends the cell to Engee in the mode that is chosen by then.

    It is made again where it is known that the cell has not run: on a server that had stopped, and in a new Julia
    process where the old one held nothing of this notebook's.
    """
    try:
        await _on_running_server(session, cell, output, attempt)
    except SessionLostError as error:
        if error.may_have_run or session.cells_run:
            raise
        cell.state = State.NEW
        await _on_running_server(session, cell, output, attempt)
    finally:
        # asked about before the next cell is sent: then it is certain that a stopped server has not run it
        session.process_ended = session.process_ended or cell.state is State.LOST
        if cell.done is not None:
            await session.notes.ended(cell.cell_id, cell.done.status)


async def _on_running_server(
    session: Session, cell: Cell, output: Output, attempt: Callable[[], Awaitable[None]]
) -> None:
    try:
        await _once(session, output, attempt)
    except ServerNotRunningError as error:
        # what never reached a running server has not run: start it and run the cell
        not_run = cell.state is State.NEW or (cell.state is State.SENT and not error.may_have_run)
        if not not_run:
            cell.become(State.LOST)
            raise SessionLostError.of_cell(error, may_have_run=True) from error
        if not session.options.auto_start:
            raise
        cell.state = State.NEW
        await serving.start(session, output)
        if session.cells_run:
            output.notice("The Engee server had stopped and was started again: the variables are gone.")
            session.cells_run = 0
        await _once(session, output, attempt)


async def _once(session: Session, output: Output, attempt: Callable[[], Awaitable[None]]) -> None:
    if session.process_ended:
        await serving.ready(session, output)
        session.process_ended = False
        session.cells_run = 0
    if session.with_agent and not await _agent_ready(session, output) and session.agent_trouble is not None:
        output.notice(f"{session.agent_trouble.message} Cells run in plain mode: output comes when a cell has ended.")
    await attempt()
    session.cells_run += 1
    image.have_made(session)


async def _agent_ready(session: Session, output: Output) -> bool:
    """As the session's, waited for while the gateway answers in place of Engee: a cell is not refused for that."""
    silence = Silence(asking=True)

    def told(error: EngeeError, delay_s: float) -> None:
        silence.heard_only(error)
        output.condition(f"{waiting(error)}, trying again in {duration(delay_s)}")

    try:
        ready = await retrying(
            session.agent_ready, when=is_gateways, bound_s=session.options.reconnect_bound_s, before_wait=told
        )
    except GatewayError as error:
        if not is_gateways(error):
            raise
        silence.heard_only(error)
        error.message = f"{silence.sentence(error)} The cell was not sent, and nothing is known to be lost."
        error.hint = "Run it again when Engee is back."
        raise
    output.condition("")
    return ready
