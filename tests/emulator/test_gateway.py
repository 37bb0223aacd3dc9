"""What the gateway answers in place of Engee: its maintenance page, other words and times, its login."""

from __future__ import annotations

import re
import time
import uuid

import httpx
import pytest

from engee_kernel.emulator.process import LocalEngeeError

pytestmark = pytest.mark.julia


def assert_maintenance(reply):
    assert reply.status_code == 404
    assert reply.headers["content-type"] == "*/*"
    assert "<title>Server maintenance</title>" in reply.text
    assert len(reply.content) == 246


def calls(api):
    return {
        "eval": lambda: api.eval("1"),
        "jobs": lambda: api.create_job("1")[0],
        "one job": lambda: api.job(str(uuid.uuid4())),
        "all jobs": lambda: api.get("command/jobs/list"),
        "upload": lambda: api.upload(["/user/gateway"], [("x", b"1")]),
        "download": lambda: api.download("/user/missing"),
    }


def test_a_route_that_does_not_exist(api):
    assert_maintenance(api.get("no/such/route"))
    assert_maintenance(api.http.get(api.engee.session_url))
    assert_maintenance(api.http.get(f"{api.engee.session_url}external/command/eval"))
    assert api.http.get(f"{api.engee.session_url}external/x", headers={"Authorization": "Bearer x"}).status_code == 401
    assert api.job(str(uuid.uuid4())).json()["message"], "the API's own 404 is JSON"
    assert api.download("/user/missing").json()["message"]


@pytest.mark.parametrize(
    ("area", "met"),
    [
        ("all", {"eval", "jobs", "one job", "all jobs", "upload", "download"}),
        ("eval", {"eval"}),
        ("jobs", {"jobs", "one job", "all jobs"}),
        ("files", {"upload", "download"}),
    ],
)
def test_the_maintenance_page_until_it_is_switched_off(api, area, met):
    api.engee.configure(maintenance=area)
    replies = {name: call() for name, call in calls(api).items()}
    assert {name for name, reply in replies.items() if reply.headers.get("content-type") == "*/*"} == met
    for name in met:
        assert_maintenance(replies[name])
    assert api.status() == "running"
    api.engee.configure(maintenance="none")
    assert api.result("1 + 1") == "2"
    ran = len(api.get("command/jobs/list").json()["jobs"])
    assert ran == (0 if "jobs" in met else 1), "nothing runs behind the page"


def test_the_maintenance_page_by_count_for_a_time_and_after_the_call_ran(api):
    api.engee.faults({"kind": "maintenance", "path": "command/eval", "count": 2})
    assert_maintenance(api.eval("1"))
    assert api.get("command/jobs/list").status_code == 200
    assert_maintenance(api.eval("1"))
    assert api.result("1") == "1"
    api.engee.faults({"kind": "maintenance", "path": "/prod/user/", "for_s": 0.5})
    began = time.monotonic()
    assert_maintenance(api.eval("1"))
    api.wait_for(lambda: api.eval("1").status_code == 200)
    assert time.monotonic() - began >= 0.4
    api.result("ran_behind_page = 0")
    api.engee.faults({"kind": "maintenance", "contains": "+=", "ran": True})
    assert_maintenance(api.eval("global ran_behind_page += 1"))
    assert api.result("ran_behind_page") == "1"


def test_a_status_call_that_fails(api):
    api.engee.configure(status_call="503")
    reply = api.info()
    assert (reply.status_code, reply.headers["content-type"]) == (503, "text/html; charset=utf-8")
    api.engee.configure(status_call="page")
    reply = api.info()
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/html")
    api.engee.configure(status_call="login")
    reply = api.info()
    assert reply.status_code == 302
    assert reply.headers["location"].startswith(f"{api.engee.url}/account/login?")
    assert api.result("1") == "1", "code calls know nothing of it"
    api.engee.configure(status_call="json")
    assert api.status() == "running"


def test_a_word_for_the_state_beyond_the_four(api):
    api.engee.configure(status_word="unknown")
    assert api.status() == "unknown"
    assert api.result("1") == "1"
    assert api.engee.control("GET", "state")["status"] == "running"
    for word in ("", "1st", 5):
        with pytest.raises(LocalEngeeError, match="status_word must be off or a word such as unknown"):
            api.engee.configure(status_word=word)
    api.engee.configure(status_word=None)
    assert api.status() == "running"


@pytest.mark.parametrize(
    ("form", "moment", "moment_of_job"),
    [
        ("milliseconds", r"\.\d{3}Z", "Z"),
        ("microseconds", r"\.\d{6}Z", "Z"),
        ("no-zone", r"\.\d{6}", ""),
    ],
)
def test_the_forms_of_times(api, form, moment, moment_of_job):
    api.engee.configure(times=form)
    info = api.info().json()
    for name in ("startingAt", "startedAt", "lastActivityAt"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d" + moment, info[name])
    assert info["stoppedAt"] is None
    assert isinstance(info["inactivityTimeout"], int if form == "milliseconds" else float)
    _, job_id = api.create_job("1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d" + moment_of_job, api.finished_job(job_id)["end_time"])


def test_a_call_of_nobody_is_sent_to_the_login(api, other_api):
    nobody = other_api(api.engee, "nobody's token")
    assert nobody.info().status_code == 401
    api.engee.configure(unknown_caller="login")
    for reply in (nobody.info(), nobody.eval("1"), nobody.download("/user/x"), nobody.get("no/such/route")):
        assert reply.status_code == 302
        page = httpx.get(reply.headers["location"], trust_env=False)
        assert (page.status_code, "Log in to Engee" in page.text) == (200, True)
    account = httpx.get(f"{api.engee.url}/account", trust_env=False)
    assert account.headers["location"] == f"{api.engee.url}/account/login?next=%2Faccount"
    assert api.status() == "running"
    api.engee.configure(unknown_caller="401")
    api.engee.faults({"kind": "login", "path": "command/eval", "count": 1})
    assert api.eval("1").status_code == 302
    assert api.result("1") == "1"
