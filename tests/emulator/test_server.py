"""The life cycle of the server, its status reply, and the tokens."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest

pytestmark = pytest.mark.julia

INFO_FIELDS = {
    *("username", "serverName", "serverId", "url", "serverStatus", "startingAt", "startedAt", "stoppingAt"),
    *("stoppedAt", "lastActivityAt", "inactivityTimeout", "stopSessionAt", "clusterNamespace"),
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def moment(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)


def test_the_status_reply(api):
    fields = api.info().json()
    assert set(fields) == INFO_FIELDS
    assert fields["serverStatus"] == "running"
    assert fields["url"] == api.engee.session_url
    assert fields["clusterNamespace"] == {"minimalMode": False}
    assert MOMENT.fullmatch(fields["startedAt"])
    assert moment(fields["startingAt"]) <= moment(fields["startedAt"])
    assert fields["stoppedAt"] is None
    assert fields["stopSessionAt"] is None


def test_calls_move_the_last_activity(api):
    before = api.info().json()["lastActivityAt"]
    time.sleep(0.01)
    api.eval("1")
    assert moment(api.info().json()["lastActivityAt"]) > moment(before)


def test_stopped_starting_running_stopping_stopped(local_engee_factory, other_api):
    api = other_api(local_engee_factory(stopped=True, start_time=1, stop_time=1))
    assert api.status() == "stopped"
    assert api.stop().status_code == 204, "nothing to stop is no error"
    reply = api.eval("1")
    assert reply.status_code == 503
    assert reply.headers["content-type"].startswith("text/html")
    began = time.monotonic()
    assert api.start().json() == {"server": api.engee.session_url}
    assert api.status() == "starting"
    assert api.start().status_code == 200, "a second click changes nothing"
    assert api.eval("1").status_code == 503
    api.wait_for_status("running")
    assert time.monotonic() - began >= 1
    assert api.result("kept = 1") == "1"
    began = time.monotonic()
    assert api.stop().status_code == 204
    assert api.status() == "stopping"
    assert MOMENT.fullmatch(api.info().json()["stoppingAt"])
    assert api.start().status_code == 409
    api.wait_for_status("stopped")
    assert time.monotonic() - began >= 1
    assert MOMENT.fullmatch(api.info().json()["stoppedAt"])
    api.start()
    api.wait_for_status("running")
    assert api.eval("kept").status_code == 400, "a new session has no old variables"


def test_a_start_can_be_stopped(local_engee_factory, other_api):
    api = other_api(local_engee_factory(stopped=True, start_time=30))
    api.start()
    assert api.stop().status_code == 204
    api.wait_for_status("stopped")
    assert api.engee.julia_pid() is None


def test_a_stop_ends_what_runs(api):
    _, job_id = api.create_job("sleep(60)")
    api.wait_for(lambda: api.job(job_id).json()["status"] == "IN_PROGRESS")
    with ThreadPoolExecutor() as pool:
        running = pool.submit(api.eval, "sleep(60)")
        api.wait_for(lambda: any(c["status"] is None for c in api.engee.requests() if c["path"].endswith("/eval")))
        api.stop()
        assert running.result(30).status_code == 502
    api.start()
    api.wait_for_status("running")
    assert api.job(job_id).status_code == 404


def test_the_server_stops_itself_when_nobody_calls(api):
    api.engee.reset(new_session=True)
    api.stop()
    api.wait_for_status("stopped")
    api.start({"url": api.engee.session_url, "inactivityTimeout": 1})
    api.wait_for_status("running")
    assert api.info().json()["inactivityTimeout"] == 1
    assert api.result("sleep(1.5); 1") == "1", "code that runs is activity"
    api.wait_for_status("stopped")


def test_a_running_job_is_activity(api):
    api.stop()
    api.wait_for_status("stopped")
    api.start({"inactivityTimeout": 1})
    api.wait_for_status("running")
    api.create_job('sleep(1.6); write("/user/job-ended", "1")')
    api.wait_for_status("stopped")
    assert (api.engee.user_dir / "job-ended").exists()


@pytest.mark.parametrize("timeout", [-1, "5", True])
def test_a_timeout_that_is_none(api, timeout):
    assert api.start({"inactivityTimeout": timeout}).status_code == 400


def test_the_session_has_an_end(api):
    api.engee.configure(session_limit_s=0.5)
    assert MOMENT.fullmatch(api.info().json()["stopSessionAt"] or "") or api.status() != "running"
    api.wait_for_status("stopped")


def test_julia_that_dies_is_a_server_that_stopped(api):
    with ThreadPoolExecutor() as pool:
        running = pool.submit(api.eval, "sleep(60)")
        api.wait_for(lambda: any(c["status"] is None for c in api.engee.requests() if c["path"].endswith("/eval")))
        api.engee.kill_julia()
        assert running.result(30).status_code == 502
    api.wait_for_status("stopped")
    api.start()
    api.wait_for_status("running")
    assert api.result("1 + 1") == "2"


def test_code_that_ends_julia(api):
    assert api.eval("exit()").status_code == 502
    api.wait_for_status("stopped")


# -- tokens


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", "Basic abc"])
def test_no_call_without_a_token(api, header):
    api.http.headers.pop("Authorization")
    if header is not None:
        api.http.headers["Authorization"] = header
    assert api.info().status_code == 401
    assert api.start().status_code == 401
    assert api.stop().status_code == 401
    assert api.eval("1").status_code == 401
    assert api.create_job("1")[0].status_code == 401
    assert api.get("command/jobs/list").status_code == 401
    assert api.upload(["/user"], [("a", b"1")]).status_code == 401
    assert api.download("/user/a").status_code == 401


def test_a_token_younger_than_the_server_works_after_a_restart(api, other_api):
    young = other_api(api.engee, api.engee.make_token(kind="pat", life_s=3600)["token"])
    assert young.status() == "running", "the account knows it"
    assert young.eval("1").status_code == 403
    assert young.download("/user/x").status_code == 403
    api.engee.configure(young_token_status=401)
    assert young.eval("1").status_code == 401
    young.stop()
    young.wait_for_status("stopped")
    young.start()
    young.wait_for_status("running")
    assert young.result("1") == "1"


def test_tokens_end(api, other_api):
    token = api.engee.make_token(kind="access", life_s=0.3)["token"]
    client = other_api(api.engee, token)
    assert client.result("1") == "1", "the rule about young tokens is for personal ones"
    client.wait_for(lambda: client.info().status_code == 401)
    for action in ("expire", "revoke"):
        token = api.engee.make_token(kind="access", life_s=3600)["token"]
        client = other_api(api.engee, token)
        assert client.info().status_code == 200
        api.engee.end_token(token, action)
        assert client.info().status_code == 401
        assert client.eval("1").status_code == 401


def test_a_refresh_token_is_no_access_token(api, other_api):
    token = api.engee.make_token(kind="refresh", life_s=3600)["token"]
    assert other_api(api.engee, token).info().status_code == 401


def test_a_token_of_ones_own_and_two_origins(local_engee_factory, other_api):
    engee = local_engee_factory(stopped=True, token="my-own-token", session_port=0)
    assert engee.token == "my-own-token"
    url = other_api(engee).info().json()["url"]
    assert url == engee.session_url
    assert not url.startswith(engee.url)
