"""%engee and %metrics."""

from __future__ import annotations

import argparse
import asyncio
import time
import uuid
from collections.abc import Iterable

from ..cells import serving
from ..cells.session import Session
from ..facts.errors import EngeeError, ServerNotRunningError, UsageError
from ..facts.events import Display
from ..facts.tables import card
from ..household.services import Services
from ..server import lifecycle, overview
from .magic import Context, Magic

ACTIONS = ("status", "start", "stop", "restart")
LIVE_PAUSE_S = 1.0
LIVE_BOUND_S = 3600.0


class Engee(Magic):
    name = "%engee"
    help = "Show your Engee server, or start, stop or restart it."
    epilog = "Stopping and restarting lose all variables, also those of other notebooks; files in /user stay."

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("action", nargs="?", choices=ACTIONS, help="what to do (default: status)")
        parser.add_argument("--timeout", type=_minutes, metavar="MIN", help="with start and restart: minutes without "
                            "use after which the server stops itself")  # fmt: skip

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        engee = context.engee
        if arguments.action in ("stop", "restart"):
            _, was_running = await lifecycle.stop(engee.client, progress=context.output.condition)
            serving.was_stopped(engee)
            if was_running:
                context.output.notice("The Engee server was stopped: its variables are gone, files in /user stay.")
        if arguments.action in ("start", "restart"):
            await serving.start(engee, context.output, arguments.timeout)
        await context.output.publish(Display(card("Engee", await _facts(context, engee))))

    async def complete(self, context: Services, words: list[str], word: str) -> Iterable[str]:
        return [action for action in ACTIONS if action.startswith(word)] if not words else []


class Metrics(Magic):
    name = "%metrics"
    help = "Show memory and processor use of the Engee session."

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--live",
            nargs="?",
            type=_seconds,
            const=LIVE_BOUND_S,
            metavar="S",
            help="keep it up to date for S seconds, or until interrupted",
        )

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        engee = context.engee
        status = await engee.client.status()
        if status.down:
            raise ServerNotRunningError(status.sentence, "Start it: %engee start", server_status=status.status)
        if arguments.live is None:
            await context.output.publish(Display(card("Engee session", await _metrics(engee))))
            return
        await _live(context, engee, arguments.live)


async def _live(context: Context, engee: Session, bound_s: float) -> None:
    """A display that is renewed until the bound, or until the person interrupts, which is no error here."""
    display_id = f"metrics-{uuid.uuid4()}"
    ends = time.monotonic() + bound_s
    update = False
    try:
        while True:
            bundle = card("Engee session", await _metrics(engee))
            await context.output.publish(Display(bundle, display_id=display_id, update=update))
            update = True
            left_s = ends - time.monotonic()
            if left_s <= 0:
                return
            await asyncio.sleep(min(LIVE_PAUSE_S, left_s))
    except asyncio.CancelledError:
        return


async def _facts(context: Context, engee: Session) -> overview.Facts:
    status = await engee.client.status()
    engee.watch.saw(status)
    source, _ = await context.kernel.settings.tokens(context.kernel.tell).find()
    facts = overview.state_facts(status, source)
    if status.running:
        try:
            facts += await overview.versions(engee.client)
            facts += await _metrics(engee)
        except EngeeError as error:
            context.output.notice(error.message)
    return facts


async def _metrics(engee: Session) -> overview.Facts:
    if await engee.agent_ready():
        return overview.metric_facts(await engee.remote.call("metrics"))
    return await overview.metrics_without_agent(engee.client)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= LIVE_BOUND_S:
        raise UsageError(f"“{text}” is not a number of seconds.", f"Expected: 1 to {LIVE_BOUND_S:.0f}, e.g. --live 60")
    return value


def _minutes(text: str) -> int:
    """As whole seconds, which is what the API takes."""
    try:
        value = round(float(text) * 60)
    except (ValueError, OverflowError):
        value = 0
    if value < 60:
        raise UsageError(f"“{text}” is not a number of minutes.", "Expected: 1 or more, e.g. --timeout 30")
    return value


MAGICS = (Engee, Metrics)
