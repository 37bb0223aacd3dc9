"""Why the Julia process of before is gone, as far as Engee's management knows."""

from __future__ import annotations

import asyncio
import time

from ..api.client import EngeeClient
from ..facts.errors import EngeeError, ServerNotRunningError

STATUS_BOUND_S = 5.0
MARGIN_S = 2.0
"""Engee tells its own time to a second only."""

KERNEL_RESTARTED = (
    "Engee's kernel was restarted while the server ran on (“Restart the kernel” in Engee's browser tab does that, "
    "and Engee itself where Julia dies)"
)
SERVER_RESTARTED = "The Engee server was restarted"


async def reason(client: EngeeClient, heard_at: float, error: EngeeError) -> str:
    """A clause without its full stop. `heard_at`: when the process last answered, by `time.monotonic`."""
    otherwise = f"The Engee session has ended ({error.message.rstrip('.')})"
    if isinstance(error, ServerNotRunningError):
        return otherwise
    try:
        status = await asyncio.wait_for(client.status(), STATUS_BOUND_S)
    except (EngeeError, asyncio.TimeoutError, TimeoutError):
        return otherwise
    runs_for_s = status.runs_for_s
    if runs_for_s is None:
        return otherwise
    beyond_s = runs_for_s - (time.monotonic() - heard_at)
    if beyond_s > MARGIN_S:
        return KERNEL_RESTARTED  # the server ran already when the old process answered
    return SERVER_RESTARTED if beyond_s < -MARGIN_S else otherwise
