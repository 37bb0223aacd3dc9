"""What replies mean: the contract's rows as tables, and anything else as an error that says what came."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engee_kernel.api import replies, wire
from engee_kernel.api.retry import is_transient
from engee_kernel.facts.errors import (
    ApiError,
    CodeError,
    EngeeError,
    ForbiddenPathError,
    GatewayError,
    JobExistsError,
    NotFoundError,
    RateLimitedError,
    TokenRejectedError,
    TooLargeError,
    UnexpectedReplyError,
)

NGINX = "<html>\r\n<head><title>{0}</title></head>\r\n<body><center><h1>{0}</h1></center></body>\r\n</html>"
NOW = datetime(2025, 6, 1, 12, 0, 0, tzinfo=timezone.utc)
TRIPLE = {
    "type": "UndefVarError",
    "short_description": "UndefVarError(:unexisting_variable)",
    "full_description": "UndefVarError: `unexisting_variable` not defined\n\nStacktrace:\n [1] top-level scope",
}


def reply(status: int = 200, body: Any = "", **headers: str) -> replies.Reply:
    data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return replies.Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, data, "POST …/x")


def test_the_status_reply_of_the_contract() -> None:
    moment = "2025-02-10T10:24:31.328Z"
    status = wire.read_status(
        reply(
            body={
                "username": "anna",
                "serverName": "n",
                "serverId": "i",
                "url": "https://engee.com/prod/user/l-anna/",
                "serverStatus": "running",
                "startingAt": moment,
                "startedAt": moment,
                "stoppingAt": None,
                "lastActivityAt": moment,
                "inactivityTimeout": 3600,
                "stopSessionAt": moment,
                "clusterNamespace": {"minimalMode": True},
            }
        )
    )
    assert status.running and status.minimal_mode is True and status.inactivity_timeout == 3600
    assert status.started_at == datetime(2025, 2, 10, 10, 24, 31, 328000, tzinfo=timezone.utc)
    assert status.stopping_at is None and status.stopped_at is None
    assert status.url == "https://engee.com/prod/user/l-anna/"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"url": None, "startingAt": "yesterday", "inactivityTimeout": "soon", "clusterNamespace": None},
        {"url": 5, "startingAt": 5, "clusterNamespace": {"minimalMode": "yes"}},
    ],
)
def test_a_status_needs_no_more_than_its_state(fields: dict[str, Any]) -> None:
    status = wire.read_status(reply(body={"serverStatus": "stopped", **fields}))
    assert (status.status, status.url, status.starting_at, status.minimal_mode) == ("stopped", "", None, None)


@pytest.mark.parametrize("body", [{}, {"serverStatus": None}, [], "5", '"running"'])
def test_a_status_without_its_state_is_refused(body: Any) -> None:
    with pytest.raises(UnexpectedReplyError, match="POST …/x was answered with 200"):
        wire.read_status(reply(body=body))


@pytest.mark.parametrize(
    ("body", "url"),
    [("", ""), ("  ", ""), ({"server": "https://h/p"}, "https://h/p"), ({}, ""), ({"server": None}, "")],
)
def test_start_replies(body: Any, url: str) -> None:
    assert wire.read_start(reply(body=body)) == url


@pytest.mark.parametrize(
    ("value", "text"),
    [("8", "8"), ('{"a":1}', '{"a":1}'), (None, ""), ("", ""), (8, "8"), ({"a": "б"}, '{"a": "б"}'), (True, "true")],
)
def test_eval_values(value: Any, text: str) -> None:
    assert wire.read_eval(reply(body={"result": value})) == text


@pytest.mark.parametrize("status", [200, 400, 422, 500])
def test_a_code_error_is_told_from_a_broken_request(status: int) -> None:
    with pytest.raises(CodeError) as caught:
        wire.read_eval(reply(status, {"result_code": "command_error", "error": TRIPLE}))
    assert caught.value.type == "UndefVarError"
    assert caught.value.short_description == TRIPLE["short_description"]
    assert caught.value.full_description == TRIPLE["full_description"]


@pytest.mark.parametrize(
    ("triple", "expected"),
    [
        ({"full_description": "boom\nmore"}, ("Error", "boom", "boom\nmore")),
        ({"type": "E"}, ("E", "", "")),
        ({"short_description": "E(1)"}, ("Error", "E(1)", "E(1)")),
    ],
)
def test_parts_of_a_triple_may_be_missing(triple: dict[str, str], expected: tuple[str, str, str]) -> None:
    with pytest.raises(CodeError) as caught:
        wire.read_eval(reply(400, {"error": triple}))
    error = caught.value
    assert (error.type, error.short_description, error.full_description) == expected
    assert error.message


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": "Bad Request"}, UnexpectedReplyError),
        ({"error": {}}, UnexpectedReplyError),
        ([], UnexpectedReplyError),
        ("not json", UnexpectedReplyError),
        (NGINX.format("400 Bad Request"), GatewayError),
    ],
)
def test_a_400_without_a_triple_is_no_error_of_the_code(body: Any, kind: type[ApiError]) -> None:
    with pytest.raises(kind):
        wire.read_eval(reply(400, body))


@pytest.mark.parametrize("read", [wire.read_eval, wire.read_job, wire.read_jobs, wire.read_status, wire.read_grant])
@pytest.mark.parametrize("body", ["", "[1", b"\xff\xfe", "[]", "null"])
def test_200_with_another_body(read: Callable[[replies.Reply], object], body: Any) -> None:
    with pytest.raises(UnexpectedReplyError):
        read(reply(200, body))


READS_JSON = (wire.read_eval, wire.read_job, wire.read_jobs, wire.read_status)
# the contract leaves open what these are answered with when all is well
READS_ANYTHING = (wire.read_job_created, wire.read_start, wire.read_upload, wire.check_download)


@pytest.mark.parametrize(
    ("read", "status"),
    [(read, 200) for read in READS_JSON]
    + [(read, status) for read in READS_JSON + READS_ANYTHING for status in (404, 500, 503)],
)
def test_a_page_in_place_of_engees_reply_is_the_gateways(read: Callable[[replies.Reply], object], status: int) -> None:
    with pytest.raises(GatewayError) as caught:
        read(reply(status, "<html><title>Server maintenance</title></html>", content_type="*/*"))
    assert "“Server maintenance”" in caught.value.message and str(status) in caught.value.message
    assert is_transient(caught.value)


def test_a_page_names_what_to_check() -> None:
    with pytest.raises(GatewayError) as caught:
        wire.read_eval(reply(200, "<html><title>Sign in</title></html>"))
    assert "“Sign in”" in caught.value.message
    assert "address" in caught.value.hint


def test_a_redirect_to_the_login_page_speaks_of_the_token() -> None:
    with pytest.raises(TokenRejectedError, match="login page"):
        wire.read_status(reply(302, "", location="https://engee.com/account/login?next=/"))


@pytest.mark.parametrize(
    ("status", "kind", "sentence"),
    [
        (302, UnexpectedReplyError, "redirected"),
        (401, TokenRejectedError, "does not accept the token"),
        (403, TokenRejectedError, "does not accept the token"),
        (404, GatewayError, "404"),
        (413, TooLargeError, "larger than the server takes"),
        (429, RateLimitedError, "fewer requests"),
        (500, GatewayError, "500"),
        (502, GatewayError, "gateway"),
        (503, GatewayError, "gateway"),
        (504, GatewayError, "gateway"),
        (418, GatewayError, "418"),
    ],
)
def test_error_statuses_with_html_bodies(status: int, kind: type[ApiError], sentence: str) -> None:
    with pytest.raises(kind) as caught:
        replies.raise_for_status(reply(status, NGINX.format("Nginx says no")))
    assert type(caught.value) is kind
    assert sentence in caught.value.message
    assert caught.value.status == status and caught.value.call == "POST …/x"
    assert "<" not in str(caught.value)


def test_a_403_on_a_file_call_speaks_of_the_path_when_engee_itself_says_it() -> None:
    with pytest.raises(ForbiddenPathError, match="/user"):
        replies.raise_for_status(
            reply(403, {"error": "Forbidden", "message": "/etc is outside /user."}), path_call=True
        )


def test_a_403_page_on_a_file_call_speaks_of_the_token() -> None:
    with pytest.raises(TokenRejectedError):
        replies.raise_for_status(reply(403, NGINX.format("403 Forbidden")), path_call=True)


@pytest.mark.parametrize(("status", "timed_out"), [(502, False), (503, False), (504, True)])
def test_what_a_gateway_answers_may_have_run(status: int, timed_out: bool) -> None:
    with pytest.raises(GatewayError) as caught:
        replies.raise_for_status(reply(status, NGINX.format("x")))
    assert caught.value.may_have_run and caught.value.timed_out is timed_out


def test_a_repeated_job_id() -> None:
    with pytest.raises(JobExistsError):
        wire.read_job_created(reply(409, {"error": "Conflict"}))
    wire.read_job_created(reply(202, ""))


@pytest.mark.parametrize(
    ("result", "text", "error"),
    [
        (None, None, None),
        ({"type": "success", "data": {"text": "10"}}, "10", None),
        ({"type": "success", "data": {"text": None}}, "", None),
        ({"type": "success", "data": "10"}, "10", None),
        ({"type": "error", "data": TRIPLE}, None, "UndefVarError"),
        ({"type": "error", "data": None}, None, "Error"),
        ("10", "10", None),
    ],
)
def test_job_results(result: Any, text: str | None, error: str | None) -> None:
    fields = {"job_id": "a", "name": None, "status": "DONE", "start_time": "2024-05-20T12:00:00Z", "result": result}
    job = wire.read_job(reply(200, fields))
    assert job.done and job.text == text
    assert (job.error.type if job.error else None) == error
    assert job.start_time == datetime(2024, 5, 20, 12, tzinfo=timezone.utc) and job.end_time is None


def test_only_engees_own_404_says_that_a_job_or_a_file_is_unknown() -> None:
    with pytest.raises(NotFoundError, match="knows no job"):
        wire.read_job(reply(404, {"error": "Not Found"}))
    with pytest.raises(NotFoundError, match="does not exist"):
        wire.check_download(reply(404, {"error": "Not Found"}))
    for read in (wire.read_job, wire.check_download):
        with pytest.raises(GatewayError, match="404"):
            read(reply(404, NGINX.format("404 Not Found")))


@pytest.mark.parametrize(
    ("word", "running", "down"),
    [("running", True, False), ("stopped", False, True), ("starting", False, True), ("stopping", False, True),
     ("unknown", False, False), ("maintenance", False, False), ("", False, False)],
)  # fmt: skip
def test_a_state_that_the_contract_does_not_have_is_neither_running_nor_down(
    word: str, running: bool, down: bool
) -> None:
    status = wire.ServerStatus(word)
    assert (status.running, status.down) == (running, down)
    assert word in status.sentence


@pytest.mark.parametrize(
    "body", [{"jobs": None}, {"jobs": [5]}, {"jobs": [{"job_id": 5}]}, {"jobs": [{"job_id": "a"}]}]
)
def test_a_list_that_is_none(body: Any) -> None:
    with pytest.raises(UnexpectedReplyError):
        wire.read_jobs(reply(200, body))


@pytest.mark.parametrize(("body", "value"), [("", None), ("[1]", [1]), ("ok", "ok"), ('{"a":1}', {"a": 1})])
def test_an_upload_reply_may_be_anything(body: str, value: Any) -> None:
    assert wire.read_upload(reply(200, body)) == value


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_grant_says_why(status: int) -> None:
    with pytest.raises(TokenRejectedError, match="invalid_grant"):
        wire.read_grant(reply(status, {"error": "invalid_grant"}))


def test_a_grant_without_a_token_does_not_quote_its_body() -> None:
    with pytest.raises(UnexpectedReplyError) as caught:
        wire.read_grant(reply(200, {"refresh_token": "hidden-value"}))
    assert "hidden-value" not in str(caught.value)


def test_a_grant_hides_its_tokens() -> None:
    grant = wire.read_grant(reply(200, {"access_token": "acc-1", "refresh_token": "ref-1", "expires_in": 600}))
    assert (grant.access_token, grant.refresh_token, grant.expires_in_s) == ("acc-1", "ref-1", 600)
    assert "acc-1" not in repr(grant) and "ref-1" not in repr(grant)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("", None),
        ("3", 3.0),
        (" 0 ", 0.0),
        ("-5", 0.0),
        ("1.5", 1.5),
        ("soon", None),
        ("Sun, 01 Jun 2025 12:00:30 GMT", 30.0),
        ("Sun, 01 Jun 2025 11:00:00 GMT", 0.0),
        ("Sun, 01 Jun 2025 12:00:30", 30.0),
        ("Sun, 01 Jun 2025 15:00:30 +0300", 30.0),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert replies.retry_after_s({"retry-after": value}, NOW) == seconds


def test_no_retry_after() -> None:
    assert replies.retry_after_s({}, NOW) is None


@given(st.timedeltas(min_value=timedelta(days=-400), max_value=timedelta(days=400)))
def test_retry_after_dates(wait: timedelta) -> None:
    moment = (NOW + wait).replace(microsecond=0)
    seconds = replies.retry_after_s({"retry-after": format_datetime(moment, usegmt=True)}, NOW)
    assert seconds == max(0.0, (moment - NOW).total_seconds())


@given(st.text(max_size=40))
def test_any_retry_after_is_a_number_or_none(value: str) -> None:
    seconds = replies.retry_after_s({"retry-after": value}, NOW)
    assert seconds is None or 0 <= seconds < float("inf")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-02-10T10:24:31.328Z", datetime(2025, 2, 10, 10, 24, 31, 328000, tzinfo=timezone.utc)),
        ("2024-05-20T12:00:00Z", datetime(2024, 5, 20, 12, tzinfo=timezone.utc)),
        ("2024-05-20T12:00:00.1Z", datetime(2024, 5, 20, 12, 0, 0, 100000, tzinfo=timezone.utc)),
        ("2024-05-20T12:00:00.123456789Z", datetime(2024, 5, 20, 12, 0, 0, 123456, tzinfo=timezone.utc)),
        ("2024-05-20T15:00:00+03:00", datetime(2024, 5, 20, 12, tzinfo=timezone.utc)),
        ("2024-05-20T12:00:00", datetime(2024, 5, 20, 12, tzinfo=timezone.utc)),
        ("", None),
        (None, None),
        ("now", None),
        (1716206400, None),
    ],
)
def test_times(text: Any, moment: datetime | None) -> None:
    assert replies.read_time(text) == moment


@given(st.binary(max_size=200), st.integers(min_value=100, max_value=599))
def test_whatever_comes_is_a_value_or_an_error_of_ours(body: bytes, status: int) -> None:
    for read in (wire.read_status, wire.read_eval, wire.read_job, wire.read_jobs, wire.read_upload, wire.read_grant):
        try:
            read(reply(status, body))
        except EngeeError as error:
            assert error.message


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_names = st.sampled_from(
    ("serverStatus", "url", "result", "error", "jobs", "job_id", "status", "type", "data", "expires_in", "access_token")
)


@given(st.dictionaries(_names, _json, max_size=6), st.sampled_from([200, 202, 400, 404, 409, 500]))
def test_fields_of_any_shape_are_a_value_or_an_error_of_ours(fields: dict[str, Any], status: int) -> None:
    test_whatever_comes_is_a_value_or_an_error_of_ours.hypothesis.inner_test(json.dumps(fields).encode(), status)
