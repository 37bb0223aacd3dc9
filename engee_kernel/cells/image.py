"""Having the agent's package image made while nothing runs, so that the next fresh Julia has it at once."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from .. import agent
from ..facts.errors import EngeeError
from .session import Session

QUIET_S = 5.0
"""So long nothing has run before the image is asked for."""

LOOK_S = 0.5
AGAIN_AFTER_S = 30.0
TRIES_LIMIT = 20
PIECE = "image"


def have_made(session: Session) -> None:
    """Called behind each cell: once for each Julia process, where an image is possible, wanted and not there yet."""
    remote = session.remote
    if (
        session.options.image
        and remote.epoch not in session.images_asked
        and agent.image.is_possible(str(remote.hello.get("julia", "")))
    ):
        session.images_asked.add(remote.epoch)
        # the piece is there from the start where the agent came out of its image
        if PIECE not in remote.hello.get("pieces", ()):
            session.beside(_made(session, remote.epoch))


async def _made(session: Session, epoch: str) -> None:
    for _ in range(TRIES_LIMIT):
        await _quiet(session, QUIET_S)
        if session.remote.epoch != epoch:
            return
        # calls with pauses: what Julia compiles for each keeps it from answering, for a moment only
        with suppress(EngeeError):
            await session.remote.bring(["image_state"], ahead=True)
        await _quiet(session, LOOK_S)
        if session.remote.epoch != epoch:
            return
        found = await session.ask("image_state", *agent.image_place())
        if found is None or found.get("state") != "none":
            return
        await _quiet(session, LOOK_S)
        answer = await session.ask("image_build", *agent.image_order())
        if answer is None or answer.get("state") != "later":
            return
        await asyncio.sleep(AGAIN_AFTER_S)


async def _quiet(session: Session, wanted_s: float) -> None:
    quiet_s = 0.0
    while quiet_s < wanted_s:
        await asyncio.sleep(LOOK_S)
        quiet_s = 0.0 if session.busy else quiet_s + LOOK_S
