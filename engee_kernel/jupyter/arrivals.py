"""Which requests a client sent before it could know that a cell had failed.

A request's header says when it was sent, by the client's clock. The smallest difference between our clock at a
request's arrival and its own date is the difference of the clocks and the fastest way here: added to a date it gives
the moment at which the request could have been here at the earliest. What could not have been here before the
failed cell's reply was sent may be the answer to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

KEPT_DIFFERENCES = 64
"""Of a client: not all, for a clock that was set back would be off for good."""
KEPT_CLIENTS = 16
STRAY_S = 10.0
"""A request that comes so long after the reply was not on its way then, whatever its client's clock says."""
COARSE_S = 0.001
"""Browsers date their messages in whole milliseconds."""


@dataclass(frozen=True)
class Arrival:
    """A request: when it came, and when it could have come at the earliest; both by our clock, in seconds."""

    came_at: float
    earliest: float

    def was_blind(self, replied_at: float) -> bool:
        """Whether its client sent it before it could have the reply that was sent at `replied_at`."""
        if self.came_at <= replied_at:
            return True
        return self.earliest < replied_at and self.came_at < replied_at + STRAY_S


class Arrivals:
    """Notes each request of all clients. Our clock is any that runs evenly, e.g. `time.monotonic`."""

    def __init__(self) -> None:
        self._differences: dict[str, deque[float]] = {}

    def note(self, header: Mapping[str, Any], now: float) -> Arrival:
        """A request has come, its header read by Jupyter's session, which makes a datetime of the date.

        One without a date counts as sent only if it is here already.
        """
        sent = _seconds(header.get("date"))
        if sent is None:
            return Arrival(now, now)
        client = str(header.get("session", ""))
        known = self._differences.pop(client, None) or deque(maxlen=KEPT_DIFFERENCES)
        self._differences[client] = known  # the newest last
        if len(self._differences) > KEPT_CLIENTS:
            del self._differences[next(iter(self._differences))]
        known.append(now - sent)
        coarse_s = 0.0 if header["date"].microsecond % 1000 else COARSE_S
        return Arrival(now, sent + min(known) + coarse_s)


def _seconds(date: object) -> float | None:
    if not isinstance(date, datetime):
        return None
    try:
        return date.timestamp()
    except (OverflowError, OSError, ValueError):
        return None
