"""What a person wants to know of their Engee server, as facts for a card and as JSON for scripts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

from ..api.client import EngeeClient
from ..api.wire import ServerStatus
from ..facts.errors import CodeError, EngeeError
from ..facts.text import duration, size, unquote_julia
from .lifecycle import TimeLeft, time_left

EVAL_TIMEOUT_S = 15.0
Facts = list[tuple[str, str]]


def state_facts(status: ServerStatus, token_source: str = "") -> Facts:
    """State, since when, time left, user."""
    now = status.server_time or datetime.now(timezone.utc)
    facts = [("state", status.status)]
    since = _since(status)
    if since is not None:
        ago = max(0.0, (now - since).total_seconds())
        facts.append(("since", f"{since.astimezone():%Y-%m-%d %H:%M} ({duration(ago)})"))
    if status.running:
        facts.append(("stops itself", describe_time_left(time_left(status))))
    if status.username:
        facts.append(("user", status.username))
    if token_source:
        facts.append(("token from", token_source))
    return facts


def describe_time_left(left: TimeLeft) -> str:
    parts = []
    if left.inactivity_s is not None:
        parts.append(f"in {duration(left.inactivity_s)} if nobody uses it")
    if left.session_s is not None:
        parts.append(f"in {duration(left.session_s)} when this session's time is over")
    return "; ".join(parts) or "Engee names no limit"


def as_json(status: ServerStatus, token_source: str = "") -> Mapping[str, Any]:
    """Times as ISO 8601 in UTC, spans in seconds."""
    left = time_left(status)
    since = _since(status)
    return {
        "status": status.status,
        "since": since.isoformat() if since else None,
        "username": status.username,
        "server": status.server_name,
        "stops_itself_in_s": left.soonest_s,
        "inactivity_left_s": left.inactivity_s,
        "session_left_s": left.session_s,
        "token_source": token_source or None,
    }


def _since(status: ServerStatus) -> datetime | None:
    return {
        "running": status.started_at or status.starting_at,
        "starting": status.starting_at,
        "stopping": status.stopping_at,
        "stopped": status.stopped_at,
    }.get(status.status)


async def versions(client: EngeeClient) -> Facts:
    """Julia's version, and Engee's where it has one to tell. For a running server. Raises EngeeError."""
    julia, engee = await asyncio.gather(_text(client, "string(VERSION)"), _text(client, "string(engee.version())"))
    return [(name, value) for name, value in (("Julia", julia), ("Engee", engee)) if value]


async def _text(client: EngeeClient, command: str) -> str:
    try:
        text = await client.eval(command, timeout_s=EVAL_TIMEOUT_S, repeatable=True)
    except CodeError:
        return ""
    with suppress(ValueError):
        text = unquote_julia(text)
    return text.strip()


def metric_facts(metrics: Mapping[str, Any]) -> Facts:
    """Memory and processor of the Engee session, and what runs in it; `metrics` as the agent's call gives them."""
    facts: Facts = []
    used, total, free = (metrics.get(name) for name in ("rss_bytes", "total_memory_bytes", "free_memory_bytes"))
    if isinstance(used, int | float):
        facts.append(("memory of Julia", size(used)))
    if isinstance(total, int | float) and isinstance(free, int | float):
        facts.append(("memory of the machine", f"{size(total - free)} of {size(total)} in use"))
    share, cpus = metrics.get("cpu_utilisation"), metrics.get("cpus")
    if isinstance(share, int | float):
        facts.append(("processor", f"{share:.0%} of {cpus} cores" if cpus else f"{share:.0%}"))
    load = metrics.get("load_average")
    if isinstance(load, list) and load:
        facts.append(("load", "  ".join(f"{number:.2f}" for number in load)))
    threads = metrics.get("julia_threads")
    if isinstance(threads, Mapping):
        facts += _thread_facts(threads)
    running, queued = metrics.get("cells_running"), metrics.get("cells_queued")
    if running is not None:
        facts.append(("cells", f"{running} running, {queued or 0} waiting"))
    return facts


def _thread_facts(threads: Mapping[str, Any]) -> Facts:
    """Nothing where there is only one."""
    pools = [str(pool) for pool in threads.get("pools") or ()]
    if len(pools) < 2:
        return []

    def named(numbers: object) -> str:
        listed = numbers if isinstance(numbers, list) else []
        return ", ".join(f"{number} ({pools[number - 1]})" for number in listed if 0 < number <= len(pools))

    counts = ", ".join(f"{pools.count(pool)} {pool}" for pool in dict.fromkeys(pools))
    facts = [("threads of Julia", counts)]
    if cells := named(threads.get("cells")):
        alone = "; Threads.@threads uses no other before Julia 1.8" if threads.get("threads_macro_serial") else ""
        facts.append(("cells run on thread", cells + alone))
    if requests := named(threads.get("requests")):
        facts.append(("requests seen on thread", requests))
    return facts


async def metrics_without_agent(client: EngeeClient) -> Facts:
    """What Julia's own functions tell. Raises EngeeError."""
    text = await client.eval(
        "join(Int[Sys.maxrss(), Sys.total_memory(), Sys.free_memory()], ' ')", timeout_s=EVAL_TIMEOUT_S, repeatable=True
    )
    try:
        used, total, free = (int(number) for number in text.strip('"').split())
    except ValueError as error:
        raise EngeeError(f"Engee's numbers can't be read: “{text[:80]}”.") from error
    return metric_facts({"rss_bytes": used, "total_memory_bytes": total, "free_memory_bytes": free})
