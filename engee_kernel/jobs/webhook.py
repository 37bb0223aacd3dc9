"""Telling a web address that a job has ended: one POST of the job's JSON, as the API's own result call gives it.

Rules for this module: no token of Engee's goes along; redirects are not followed; an address is shown by its host
alone, since the rest of it is often a secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from ..api.replies import retry_after_s
from ..api.retry import retrying
from ..facts.errors import EngeeError, UsageError
from ..facts.version import __version__

REPLY_TIMEOUT_S = 10.0
BOUND_S = 30.0


class WebhookError(EngeeError):
    """The job's end was not delivered. `passing`: another try may help, after `retry_after_s` if that is set."""

    def __init__(self, message: str, *, passing: bool, retry_after_s: float | None = None) -> None:
        super().__init__(message, "The job itself is not affected: %jobs shows it.")
        self.passing = passing
        self.retry_after_s = retry_after_s


def check_address(url: str) -> None:
    """Raises UsageError, which does not quote the address."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise UsageError("The webhook's address is not a web address.", "Expected: http://… or https://… with a host.")


async def deliver(url: str, job: Mapping[str, Any], *, bound_s: float = BOUND_S) -> None:
    """POST the job, again after failures that may pass, for at most `bound_s`. Raises WebhookError."""
    import httpx  # noqa: PLC0415 - for those who have a webhook only

    host = urlsplit(url).hostname
    body = json.dumps(job, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "User-Agent": f"engee-kernel/{__version__}"}
    async with httpx.AsyncClient(timeout=REPLY_TIMEOUT_S, follow_redirects=False) as http:

        async def once() -> None:
            try:
                response = await http.post(url, content=body, headers=headers)
            except (httpx.TransportError, httpx.DecodingError) as error:
                raise WebhookError(
                    f"The webhook at {host} did not take the job's end: {type(error).__name__}.", passing=True
                ) from error
            if not response.is_success:
                status = response.status_code
                raise WebhookError(
                    f"The webhook at {host} answered the job's end with {status}.",
                    passing=status in (408, 425, 429) or status >= 500,
                    retry_after_s=retry_after_s(response.headers, datetime.now(timezone.utc)),
                )

        await retrying(once, when=lambda error: isinstance(error, WebhookError) and error.passing, bound_s=bound_s)
