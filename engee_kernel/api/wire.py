"""The HTTP contract without the HTTP: what replies mean.

Rules for this module: no I/O, no clock, no httpx. Each `read_*` function takes a `Reply` and gives
a typed value or raises one of `engee_kernel.facts.errors`. What the API's page leaves open is read
leniently (a missing field is None), what it promises is checked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..facts.errors import CodeError, JobExistsError, NotFoundError, TokenRejectedError, UnexpectedReplyError
from .replies import Reply, http_date, raise_for_status, read_time

DEFAULT_URL = "https://engee.com"
DEFAULT_SCOPE = "user:id user:username profile:name profile:primary_email engee"
DEFAULT_REDIRECT = "http://127.0.0.1/callback"
INFO = "/account/api/engee/info"
START = "/account/api/engee/start"
STOP = "/account/api/engee/stop"
AUTHORIZE = "/account/authorize"
OAUTH_TOKEN = "/account/api/oauth2/token"  # noqa: S105 - a path, not a password
EVAL = "external/command/eval"
JOB_CREATE = "external/command/jobs/create"
JOB_LIST = "external/command/jobs/list"
UPLOAD = "external/file/upload"
DOWNLOAD = "external/file/download"


def job_result_path(job_id: str) -> str:
    """Below the user's prefix."""
    return f"external/command/jobs/{job_id}/result"


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """The state of a person's Engee server; times are aware UTC datetimes.

    `server_time` is what Engee's clock said when it answered, to a second: the other times are by that clock.
    """

    status: str
    url: str = ""
    username: str = ""
    server_name: str = ""
    server_id: str = ""
    starting_at: datetime | None = None
    started_at: datetime | None = None
    stopping_at: datetime | None = None
    stopped_at: datetime | None = None
    last_activity_at: datetime | None = None
    inactivity_timeout: float | None = None
    stop_session_at: datetime | None = None
    minimal_mode: bool | None = None
    server_time: datetime | None = None

    @property
    def running(self) -> bool:
        return self.status == "running"

    @property
    def down(self) -> bool:
        """No code can run now. False also for a word that the contract does not have: nothing follows from that."""
        return self.status in ("starting", "stopping", "stopped")

    @property
    def sentence(self) -> str:
        if self.running or self.down:
            return f"The Engee server is {self.status}."
        return f"Engee calls the server's state “{self.status}”, which says neither that it runs nor that it stopped."

    @property
    def runs_for_s(self) -> float | None:
        """Since when the server runs, by Engee's own clock; None where it doesn't run or that is not known."""
        if not self.running or self.started_at is None or self.server_time is None:
            return None
        return (self.server_time - self.started_at).total_seconds()

    @property
    def down_s(self) -> float | None:
        """For how many seconds no code can have run, by Engee's own clock; None where that is not known."""
        moments = {
            "starting": (self.starting_at,),
            "stopping": (self.stopping_at,),
            "stopped": (self.stopping_at, self.stopped_at),
        }.get(self.status, ())
        since = min((moment for moment in moments if moment is not None), default=None)
        if since is not None and self.server_time is not None:
            return (self.server_time - since).total_seconds()
        never_started = self.status == "stopped" and since is None and self.started_at is None
        return math.inf if never_started else None


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the API lists it. `error` and `text` are both None until it is done."""

    job_id: str
    name: str | None
    status: str
    start_time: datetime | None
    end_time: datetime | None
    text: str | None = None
    error: CodeError | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def done(self) -> bool:
        return self.status == "DONE"


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """An OAuth token reply; the tokens never appear in its repr."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False, default=None)
    expires_in_s: float | None = None
    scope: str = ""


def read_status(reply: Reply) -> ServerStatus:
    raise_for_status(reply)
    data = reply.json_object()
    status = data.get("serverStatus")
    if not isinstance(status, str):
        reply.unexpected("a JSON object with “serverStatus”")
    namespace = data.get("clusterNamespace")
    minimal = namespace.get("minimalMode") if isinstance(namespace, dict) else None
    timeout = data.get("inactivityTimeout")
    return ServerStatus(
        status=status,
        url=_string(data.get("url")),
        username=_string(data.get("username")),
        server_name=_string(data.get("serverName")),
        server_id=_string(data.get("serverId")),
        starting_at=read_time(data.get("startingAt")),
        started_at=read_time(data.get("startedAt")),
        stopping_at=read_time(data.get("stoppingAt")),
        stopped_at=read_time(data.get("stoppedAt")),
        last_activity_at=read_time(data.get("lastActivityAt")),
        inactivity_timeout=float(timeout) if isinstance(timeout, int | float) else None,
        stop_session_at=read_time(data.get("stopSessionAt")),
        minimal_mode=minimal if isinstance(minimal, bool) else None,
        server_time=http_date(reply.headers.get("date", "")),
    )


def read_start(reply: Reply) -> str:
    """The URL of the server being started; empty where the reply has none."""
    raise_for_status(reply)
    if not reply.body.strip():
        return ""
    return _string(reply.json_object().get("server"))


def read_stop(reply: Reply) -> None:
    _accepted(reply)


def read_eval(reply: Reply) -> str:
    """The value as text; "" for null. Raises CodeError when the code raised."""
    if reply.status in (400, 422, 500) and (error := _code_error(reply)):
        raise error
    raise_for_status(reply)
    data = reply.json_object()
    if "result" not in data:
        if error := _code_error(reply):
            raise error
        reply.unexpected("a JSON object with “result”")
    return _result_text(data["result"])


def read_job_created(reply: Reply) -> None:
    """Raises JobExistsError for an id that is known already: the job was accepted before."""
    if reply.status == 409:
        raise JobExistsError(
            "A job with this id exists already.",
            "Its result is kept under the same id.",
            status=409,
            call=reply.call,
        )
    _accepted(reply)


def read_job(reply: Reply) -> Job:
    if reply.status == 404 and reply.is_json():
        raise NotFoundError(
            "Engee knows no job with this id.",
            "It was never created, or Engee was restarted or has forgotten it.",
            status=404,
            call=reply.call,
        )
    raise_for_status(reply)
    return _job(reply, reply.json())


def read_jobs(reply: Reply) -> list[Job]:
    raise_for_status(reply)
    jobs = reply.json_object().get("jobs")
    if not isinstance(jobs, list):
        reply.unexpected("a JSON object with a list “jobs”")
    return [_job(reply, item) for item in jobs]


def read_upload(reply: Reply) -> Any:
    """What the server says of an upload, as JSON where it is: the contract leaves it open."""
    _accepted(reply, path_call=True)
    try:
        return json.loads(reply.body) if reply.body.strip() else None
    except ValueError:
        return reply.text


def read_grant(reply: Reply) -> TokenGrant:
    """Raises TokenRejectedError where the authorization server refuses the grant."""
    if reply.status in (400, 401, 403):
        reason = ""
        if reply.body.lstrip().startswith(b"{"):
            data = reply.json_object()
            reason = " ".join(_string(data.get(key)) for key in ("error", "error_description")).strip()
        raise TokenRejectedError(
            f"The authorization server refused to give a token{f' ({reason})' if reason else ''}.",
            "Log in again: engee-kernel login --oauth",
            status=reply.status,
            call=reply.call,
        )
    raise_for_status(reply)
    data = reply.json_object()
    access = data.get("access_token")
    if not isinstance(access, str) or not access:
        # the body may hold another secret: it is not quoted
        raise UnexpectedReplyError(
            f"{reply.call} was answered without an “access_token”.", "", status=reply.status, call=reply.call
        )
    refresh = data.get("refresh_token")
    expires = data.get("expires_in")
    return TokenGrant(
        access,
        refresh if isinstance(refresh, str) and refresh else None,
        float(expires) if isinstance(expires, int | float) else None,
        _string(data.get("scope")),
    )


def check_download(reply: Reply) -> None:
    """For the head of a download (`body` empty unless it failed)."""
    if reply.status == 404 and reply.is_json():
        raise NotFoundError(
            "A file to download does not exist in Engee.",
            "List the folder with %ls.",
            status=404,
            call=reply.call,
        )
    raise_for_status(reply, path_call=True)
    if "html" in reply.headers.get("content-type", ""):
        # a file comes as multipart, files as a ZIP: a page must not be saved as if it were one of them
        reply.refuse_page()


def _accepted(reply: Reply, *, path_call: bool = False) -> None:
    """For a call whose answer says no more than that it was taken: a page says nothing of that, whatever its status."""
    raise_for_status(reply, path_call=path_call)
    if reply.is_html():
        reply.refuse_page()


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _result_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _triple(data: Any) -> CodeError | None:
    if not isinstance(data, dict) or not any(
        isinstance(data.get(key), str) for key in ("type", "short_description", "full_description")
    ):
        return None
    full = _string(data.get("full_description"))
    short = _string(data.get("short_description")) or full.partition("\n")[0]
    return CodeError(_string(data.get("type")) or "Error", short, full or short)


def _code_error(reply: Reply) -> CodeError | None:
    """The error triple in a reply's body, if it is one."""
    if not reply.body.lstrip().startswith(b"{"):
        return None
    try:
        data = json.loads(reply.body)
    except ValueError:
        return None
    return _triple(data.get("error"))


def _job(reply: Reply, data: Any) -> Job:
    if not isinstance(data, dict) or not isinstance(data.get("job_id"), str):
        reply.unexpected("a job with “job_id”")
    status = data.get("status")
    if not isinstance(status, str):
        reply.unexpected("a job with “status”")
    text: str | None = None
    error: CodeError | None = None
    result = data.get("result")
    if isinstance(result, dict):
        if result.get("type") == "error":
            error = _triple(result.get("data")) or CodeError("Error", "the job failed", json.dumps(result))
        else:
            inner = result.get("data")
            text = _result_text(inner.get("text") if isinstance(inner, dict) else inner)
    elif result is not None:
        text = _result_text(result)
    name = data.get("name")
    return Job(
        job_id=data["job_id"],
        name=name if isinstance(name, str) else None,
        status=status,
        start_time=read_time(data.get("start_time")),
        end_time=read_time(data.get("end_time")),
        text=text,
        error=error,
        raw=data,
    )
