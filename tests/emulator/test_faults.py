"""Each fault, as a client meets it, and what Julia did meanwhile."""

from __future__ import annotations

import email.utils
import io
import threading
import time
import zipfile
from datetime import datetime, timezone

import httpx
import pytest

from engee_kernel.emulator.faults import Fault, FaultPlan

pytestmark = pytest.mark.julia

EVAL = "command/eval"


@pytest.fixture
def counted(api):
    """Code that counts its runs."""
    api.result("fault_runs = 0")
    return "global fault_runs += 1"


def runs(api):
    api.engee.faults()
    return int(api.result("fault_runs"))


def test_dropped_before_it_ran(api, counted):
    api.engee.faults({"kind": "drop_before", "path": EVAL, "count": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        api.eval(counted)
    assert api.engee.requests()[-1]["status"] == 0
    assert runs(api) == 0


def test_dropped_after_it_ran(api, counted):
    api.engee.faults({"kind": "drop_after", "path": EVAL, "count": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        api.eval(counted)
    assert runs(api) == 1


@pytest.mark.parametrize("at_bytes", [None, 0, 5])
def test_dropped_in_the_reply(api, counted, at_bytes):
    api.engee.faults({"kind": "drop_body", "path": EVAL, "count": 1, "at_bytes": at_bytes})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        api.eval(counted + '; "x"^1000')
    assert runs(api) == 1


def test_a_download_cut_off(api):
    (api.engee.user_dir / "cut.bin").write_bytes(b"x" * 3_000_000)
    api.engee.faults({"kind": "drop_body", "path": "file/download", "at_bytes": 1_500_000, "count": 2})
    for sources in (["/user/cut.bin"], ["/user/cut.bin", "/user/cut.bin"]):
        if len(sources) == 2:  # a ZIP of the same letter is short
            api.engee.faults({"kind": "drop_body", "path": "file/download", "at_bytes": 100})
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            api.download(*sources)


@pytest.mark.parametrize("at_bytes", [None, 1000])
def test_an_upload_cut_off(api, at_bytes):
    folder = f"cut-{at_bytes}"
    api.engee.faults({"kind": "cut_upload", "path": "file/upload", "at_bytes": at_bytes, "count": 1})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)):
        api.upload([f"/user/{folder}"], [("never.bin", b"x" * 2_000_000)])
    assert not (api.engee.user_dir / folder).exists()
    assert [path.name for path in api.engee.user_dir.parent.iterdir() if "incoming" in path.name] == []
    assert api.upload([f"/user/{folder}"], [("never.bin", b"x" * 2_000_000)]).status_code == 200


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("ran", [False, True])
def test_error_pages(api, counted, status, ran):
    api.engee.faults({"kind": "status", "status": status, "ran": ran, "path": EVAL, "count": 1})
    reply = api.eval(counted)
    assert reply.status_code == status
    assert reply.headers["content-type"].startswith("text/html")
    assert f"<h1>{status} " in reply.text
    assert runs(api) == ran


def test_retry_after_in_seconds_and_as_a_date(api):
    api.engee.faults(
        {"kind": "status", "status": 429, "retry_after_s": 7, "count": 1},
        {"kind": "status", "status": 503, "retry_after_s": 7, "retry_after_date": True, "count": 1},
    )
    assert api.info().headers["retry-after"] == "7"
    reply = api.info()
    assert reply.status_code == 503
    until = email.utils.parsedate_to_datetime(reply.headers["retry-after"])
    assert 0 < (until - datetime.now(timezone.utc)).total_seconds() <= 7
    assert api.info().status_code == 200


def test_a_page_instead_of_json(api, counted):
    api.engee.faults({"kind": "not_json", "path": EVAL})
    reply = api.eval(counted)
    assert reply.status_code == 200
    with pytest.raises(ValueError):
        reply.json()
    assert runs(api) == 0


def test_latency(api):
    api.engee.faults({"kind": "latency", "delay_s": 0.3, "jitter_s": 0.1, "count": 1})
    began = time.perf_counter()
    assert api.result("1") == "1"
    assert time.perf_counter() - began >= 0.3


def test_a_proxy_that_gives_up(api, counted):
    api.engee.faults({"kind": "proxy_timeout", "path": EVAL, "delay_s": 0.1, "count": 1})
    assert api.eval("sleep(0.4); " + counted).status_code == 504
    api.engee.faults()
    api.wait_for(lambda: api.result("fault_runs") == "1")


def test_a_session_that_stops(api):
    api.engee.faults({"kind": "stop_session", "path": EVAL, "delay_s": 0.1, "count": 1})
    assert api.eval("sleep(60)").status_code == 502
    api.wait_for_status("stopped")


def test_a_julia_that_dies(api):
    api.engee.faults({"kind": "kill_julia", "path": EVAL, "delay_s": 0.1, "count": 1})
    assert api.eval("sleep(60)").status_code == 502
    api.wait_for_status("stopped")


def test_a_hostile_zip(api):
    (api.engee.user_dir / "good.txt").write_bytes(b"good")
    api.engee.faults({"kind": "hostile_zip", "path": "file/download"})
    reply = api.download("/user/good.txt", "/user/good.txt")
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        names = archive.namelist()
    assert names[:2] == ["good.txt", "good_1.txt"]
    assert any(name.startswith("../") for name in names)
    assert any(name.startswith("/") for name in names)


def test_faults_by_content_skip_and_count(api):
    api.engee.faults({"kind": "status", "path": EVAL, "contains": "marked", "skip": 1, "count": 2})
    assert [api.eval("1 # marked").status_code for _ in range(4)] == [200, 503, 503, 200]
    api.engee.faults({"kind": "status", "contains": "marked"})
    assert api.eval("1").status_code == 200
    api.engee.faults({"kind": "status", "method": "DELETE"})
    assert api.info().status_code == 200
    assert api.stop().status_code == 503
    assert api.engee.control("GET", "faults")["faults"][0]["hits"] == 1


def test_a_fault_hits_one_call_of_several_on_the_wire(api):
    """A drop takes the one connection, not the others."""
    api.result("fault_gate = Channel{Int}(1)")
    results = []
    waiting = threading.Thread(target=lambda: results.append(api.result("take!(fault_gate)")))
    waiting.start()
    api.engee.faults({"kind": "drop_before", "contains": "dropped", "count": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        api.eval("1 # dropped")
    api.result("put!(fault_gate, 3)")
    waiting.join(30)
    assert results == ["3"]


def test_the_same_seed_gives_the_same_faults():
    def hits(seed):
        plan = FaultPlan([Fault("status", probability=0.5)], seed)
        return [bool(plan.take("GET", "/", b"")) for _ in range(40)]

    assert hits(1) == hits(1)
    assert hits(1) != hits(2)
    assert 5 < sum(hits(1)) < 35
