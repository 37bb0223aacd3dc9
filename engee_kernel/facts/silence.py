"""A time in which Engee gave no answer: since when, and who answered in its place. No I/O but the clocks."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from .errors import EngeeError, GatewayError
from .text import duration

MAINTENANCE = "maintenance"


class Silence:
    """One series of failures. Each is told to `heard_only`; `over` ends the series.

    `asking`: for calls that try again by themselves, so that their first failure is told late. Made right before one.
    """

    def __init__(self, *, asking: bool = False) -> None:
        self._asked = time.monotonic() if asking else None
        self._since: float | None = None
        self._pages_since: float | None = None

    def heard_only(self, error: EngeeError) -> None:
        """This came in place of Engee's answer."""
        began = self._asked or time.monotonic()
        self._asked = None
        self._since = began if self._since is None else self._since
        if not is_gateways(error):
            self._pages_since = None
        elif self._pages_since is None:
            self._pages_since = began

    def over(self) -> None:
        self._since = self._pages_since = None

    @property
    def lasts_s(self) -> float:
        """0 where there is none."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    def sentence(self, error: EngeeError) -> str:
        """What is known when it is given up; `error` is the last failure."""
        if isinstance(error, GatewayError) and is_gateways(error) and self._pages_since is not None:
            lasted_s = time.monotonic() - self._pages_since
            since = datetime.now().astimezone() - timedelta(seconds=lasted_s)
            return f"Engee's gateway has answered {with_what(error)} since {since:%H:%M:%S}, for {duration(lasted_s)}."
        return f"Engee has not answered for {duration(self.lasts_s)} ({error.message.rstrip('.')})."


def is_gateways(error: BaseException) -> bool:
    """Whether the gateway spoke for itself. One that gave up waiting for Engee has passed the request on."""
    return isinstance(error, GatewayError) and not error.timed_out


def with_what(error: GatewayError) -> str:
    """E.g. `with maintenance pages (“Server maintenance”) in place of Engee`."""
    if error.page is None:
        return f"with {error.status} in place of Engee"
    kind = "maintenance pages" if MAINTENANCE in error.page.lower() else "pages"
    return f"with {kind}{f' (“{error.page}”)' if error.page else ''} in place of Engee"


def waiting(error: EngeeError) -> str:
    """What a cell that waits says of it, without what is done about it."""
    if isinstance(error, GatewayError) and is_gateways(error):
        return f"Engee's gateway answers {with_what(error)}"
    return "no connection to Engee"
