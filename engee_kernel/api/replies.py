"""An HTTP reply, and what its status says when it is not a success. No I/O."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from ..facts.errors import (
    ApiError,
    ForbiddenPathError,
    GatewayError,
    NotFoundError,
    RateLimitedError,
    TokenRejectedError,
    TooLargeError,
    UnexpectedReplyError,
)
from ..facts.text import summary_of_body


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP reply; `headers` by lower-case names; `call` e.g. "POST …/eval" for messages."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    call: str

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """Raises GatewayError for a page, UnexpectedReplyError for another body that is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            if self.is_html():
                self.refuse_page()
            raise UnexpectedReplyError(
                f"{self.call} was answered with {self.status} and a body that is not JSON: "
                f"“{summary_of_body(self.text) or 'empty'}”.",
                "Check that the address is Engee's own (another program may have answered).",
                status=self.status,
                call=self.call,
            ) from error

    def json_object(self) -> Mapping[str, Any]:
        """Raises UnexpectedReplyError where the body is not a JSON object."""
        value = self.json()
        if isinstance(value, dict):
            return value
        self.unexpected("a JSON object")

    def is_json(self) -> bool:
        """Whether the body is JSON, whatever the headers say: Engee's own refusals are."""
        try:
            json.loads(self.body)
        except ValueError:
            return False
        return True

    def refuse_page(self) -> NoReturn:
        """Raise GatewayError for a page that came in place of Engee's own reply."""
        title = summary_of_body(self.text)
        raise GatewayError(
            f"A gateway answered {self.call} with a page{f' “{title}”' if title else ''} ({self.status}) in place of "
            "Engee.",
            "Engee may be in maintenance, and nothing is known to be lost: try again later. If it stays so, check that "
            "the address is Engee's own (the setting url, ENGEE_URL): a login page or a proxy may have answered.",
            status=self.status,
            call=self.call,
            retry_after_s=retry_after_s(self.headers, datetime.now(timezone.utc)),
            page=title,
        )

    def is_html(self) -> bool:
        """A page of a proxy or a login, not Engee's own JSON."""
        return "html" in self.headers.get("content-type", "") or self.body.lstrip()[:1] == b"<"

    def unexpected(self, expected: str) -> NoReturn:
        raise UnexpectedReplyError(
            f"{self.call} was answered with {self.status} “{summary_of_body(self.text)}” "
            f"where {expected} was expected.",
            "",
            status=self.status,
            call=self.call,
        )


_FRACTION = re.compile(r"\.(\d+)")


def read_time(value: Any) -> datetime | None:
    """An ISO 8601 time as an aware UTC datetime; None for what is absent or can't be read."""
    if not isinstance(value, str) or not value:
        return None
    # Python 3.10 reads fractions of three or six digits only
    text = _FRACTION.sub(lambda match: f".{match[1][:6]:0<6}", value.replace("Z", "+00:00"))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """`Retry-After` as seconds from `now`, whether it was seconds or an HTTP date."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        pass
    else:
        return max(0.0, seconds) if math.isfinite(seconds) else None
    moment = http_date(value)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def http_date(value: str) -> datetime | None:
    """A `Date` header as an aware datetime; None for what can't be read."""
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


LOGIN_PATH = "/account/login"
LOG_IN_AGAIN = (
    "It may have expired or been mistyped. Make a new one in the personal account "
    "(Communication and Security → Personal access tokens) and store it: engee-kernel login"
)


def raise_for_status(reply: Reply, *, path_call: bool = False) -> None:
    """Nothing for 2xx; else the error of the tree. `path_call`: a 403 speaks of a path."""
    status, call = reply.status, reply.call
    if 200 <= status < 300:
        return
    said = summary_of_body(reply.text)
    quoted = f" “{said}”" if said else ""
    if 300 <= status < 400 and LOGIN_PATH in reply.headers.get("location", ""):
        raise TokenRejectedError(
            f"Engee sent {call} on to its login page ({status}): the token was not taken for a login.",
            LOG_IN_AGAIN,
            status=status,
            call=call,
        )
    if 300 <= status < 400:
        raise UnexpectedReplyError(
            f"{call} was redirected ({status}); a token is never sent to another address.",
            "Set the address that Engee really has (the setting url, ENGEE_URL).",
            status=status,
            call=call,
        )
    # the file calls' own 403 is JSON; a page comes from what checks tokens in front of them
    if status == 401 or (status == 403 and (not path_call or reply.is_html())):
        raise TokenRejectedError(
            f"Engee does not accept the token ({status}{quoted}).",
            LOG_IN_AGAIN,
            status=status,
            call=call,
        )
    if status == 403:
        raise ForbiddenPathError(
            f"Engee refused the path ({status}{quoted}).",
            "Files can be read and written below /user only.",
            status=status,
            call=call,
        )
    if reply.is_html() and status not in (413, 429, 502, 503, 504):
        # Engee's own 404 is JSON: a page says nothing of a job or a file
        reply.refuse_page()
    if status == 413:
        raise TooLargeError(f"{call}: larger than the server takes ({status}{quoted}).", "", status=status, call=call)
    wait_s = retry_after_s(reply.headers, datetime.now(timezone.utc))
    if status == 429:
        raise RateLimitedError(
            f"Engee asks for fewer requests ({status}).",
            f"Try again in {wait_s:.0f} s." if wait_s else "Try again in a minute.",
            status=status,
            call=call,
            retry_after_s=wait_s,
        )
    if status in (502, 503, 504):
        raise GatewayError(
            f"A gateway in front of Engee answered {status}{quoted}.",
            "",
            status=status,
            call=call,
            retry_after_s=wait_s,
            page=said if reply.is_html() else None,
        )
    kind: type[ApiError] = NotFoundError if status == 404 else UnexpectedReplyError
    raise kind(f"{call} was answered with {status}{quoted}.", "", status=status, call=call)
