"""Eval and jobs: each row of the contract, with real Julia over the real socket."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

pytestmark = pytest.mark.julia


def test_the_simplest_request(api):
    reply = api.eval("3 + 5")
    assert (reply.status_code, reply.json()) == (200, {"result": "8"})
    assert reply.headers["content-type"] == "application/json"


def test_a_string_comes_back_unquoted(api):
    assert api.eval('using JSON\nJSON.json("a"=>1)').json() == {"result": '{"a":1}'}
    assert api.result('"Привет, мир 👋"') == "Привет, мир 👋"


@pytest.mark.parametrize(
    ("command", "result"),
    [
        ("nothing", "nothing"),
        ("", "nothing"),
        ("[1, 2]", "[1, 2]"),
        (":a", "a"),
        ("1.5", "1.5"),
        ("x_of_test = 2; x_of_test + 1", "3"),
        ("# a comment\n1", "1"),
        ("engee.version()", "local"),
        ("@isdefined(varinfo)", "true"),
    ],
)
def test_values(api, command, result):
    assert api.result(command) == result


def test_variables_live_on_between_calls(api):
    api.result("lives_on = 41")
    assert api.result("lives_on + 1") == "42"


def test_an_error_is_the_triple(api):
    reply = api.eval("unexisting_variable")
    assert reply.status_code == 400
    fields = reply.json()
    assert set(fields) == {"result_code", "error"}
    assert fields["result_code"] == "command_error"
    error = fields["error"]
    assert set(error) == {"type", "short_description", "full_description"}
    assert error["type"] == "UndefVarError"
    assert error["short_description"].startswith("UndefVarError(:unexisting_variable")
    assert error["full_description"].startswith("UndefVarError: ")
    assert "\nStacktrace:\n [1] " in error["full_description"]
    assert "request_pipeline" in error["full_description"], "the server's own frames are in the trace"


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ('error("boom")', "ErrorException"),
        ("1 +", "ErrorException|Base.Meta.ParseError"),
        ("[1][2]", "BoundsError"),
        ("sqrt(-1)", "DomainError"),
        ("throw(InterruptException())", "InterruptException"),
        ('throw("not an exception")', "String"),
    ],
)
def test_kinds_of_errors(api, command, kind):
    reply = api.eval(command)
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] in kind.split("|")
    assert reply.json()["error"]["full_description"]


def test_an_error_whose_printing_fails_is_still_an_error(api):
    code = (
        'struct Unprintable <: Exception end\nBase.showerror(io::IO, ::Unprintable) = error("no")\nthrow(Unprintable())'
    )
    assert api.eval(code).json()["error"]["type"].endswith("Unprintable")


def test_the_scope_of_loops_is_that_of_a_file(api):
    """`include_string` gives no soft scope: the loop's variable is a new one, and is not seen after it."""
    assert api.eval("for i in 1:2\n  scope_probe = i\nend\nscope_probe").json()["error"]["type"] == "UndefVarError"


def test_a_long_result_and_a_long_command(api):
    assert len(api.result('"я"^3_000_000')) == 3_000_000
    assert api.result('length("' + "b" * 5_000_000 + '")') == "5000000"


def test_bytes_that_are_no_text_do_not_break_the_reply(api):
    assert "�" in api.result("String(UInt8[0x61, 0xff, 0x62])")


@pytest.mark.parametrize("body", [{"command": 5}, {"code": "1"}, {}])
def test_a_command_must_be_a_string(api, body):
    assert api.post("command/eval", body).status_code == 400


def test_a_body_that_is_not_json(api):
    reply = api.http.post(f"{api.engee.session_url}external/command/eval", content=b"{")
    assert reply.status_code == 400


def test_evals_run_side_by_side(api):
    """The first one cannot end before the second has run."""
    api.result("gate_of_test = Channel{Int}(1)")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(api.result, "take!(gate_of_test)")
        api.wait_for(lambda: api.result("length(gate_of_test.cond_take.waitq) > 0") == "true" or first.done())
        api.result("put!(gate_of_test, 7)")
        assert first.result(30) == "7"


def test_many_long_evals_do_not_hold_up_a_short_one(api):
    api.result("hold_of_test = Base.Event()")
    with ThreadPoolExecutor(12) as pool:
        waiting = [pool.submit(api.result, f"wait(hold_of_test); {number}") for number in range(10)]
        assert api.result("1 + 1") == "2"
        assert not any(eval_.done() for eval_ in waiting)
        api.result("notify(hold_of_test)")
        assert [eval_.result(30) for eval_ in waiting] == [str(number) for number in range(10)]


def test_code_goes_on_when_its_client_has_gone(api):
    api.result("went_on = false")
    with pytest.raises(httpx.ReadTimeout):
        api.http.post(
            f"{api.engee.session_url}external/command/eval",
            json={"command": "sleep(0.6); global went_on = true"},
            timeout=0.2,
        )
    api.wait_for(lambda: api.result("went_on") == "true")


def test_a_short_eval_costs_milliseconds(api):
    """40 ms would mean that two ends wait for each other's acknowledgements."""
    api.result("1 + 1")
    durations = []
    for _ in range(30):
        began = time.perf_counter()
        api.result("1 + 1")
        durations.append(time.perf_counter() - began)
    assert min(durations) < 0.02


def test_julia_sees_the_folder_as_user(api):
    assert api.result('write("/user/from julia.txt", "я"); pwd()') == "/user"
    assert (api.engee.user_dir / "from julia.txt").read_text(encoding="utf-8") == "я"
    assert api.result('ENV["ENGEE_USER_DIR"]') == "/user"


def test_json_stand_in(api):
    value = '{"a":[1,2.5,null,true,"\\\\u0442\\\\ud83d\\\\ude00\\\\n"],"b":{}}'
    assert api.result(f'using JSON; JSON.json(JSON.parse("{value.replace(chr(34), chr(92) + chr(34))}"))') in (
        '{"a":[1,2.5,null,true,"т😀\\n"],"b":{}}',
        '{"b":{},"a":[1,2.5,null,true,"т😀\\n"]}',
    )
    assert api.result('JSON.json((x=[1 2; 3 4], s=:sym, m=missing, n=NaN, d="\\u1"))') == (
        '{"x":[[1,3],[2,4]],"s":"sym","m":null,"n":null,"d":"\\u0001"}'
    )
    for broken in ("[1,", "{1:2}", "tru", "[1] x", '\\"abc', ""):
        assert api.eval(f'JSON.parse("{broken}")').json()["error"]["type"].endswith("ParserError"), broken


def test_a_job_from_creation_to_result(api):
    job_id = str(uuid.uuid4())
    reply, _ = api.create_job("a = 5; sleep(0.5); a * 2", job_id, name="Мой расчет")
    assert reply.status_code == 202
    running = api.job(job_id).json()
    assert running == {
        "job_id": job_id,
        "name": "Мой расчет",
        "job_type": "EVAL",
        "status": "IN_PROGRESS",
        "start_time": running["start_time"],
        "end_time": None,
        "result": None,
    }
    assert running["start_time"].endswith("Z")
    done = api.finished_job(job_id)
    assert done["result"] == {"type": "success", "data": {"text": "10"}}
    assert done["end_time"] >= done["start_time"]
    assert set(done) == set(running)


def test_a_job_that_fails(api):
    _, job_id = api.create_job("some_variable")
    done = api.finished_job(job_id)
    assert done["name"] is None
    assert done["result"]["type"] == "error"
    assert set(done["result"]["data"]) == {"type", "short_description", "full_description"}
    assert done["result"]["data"]["type"] == "UndefVarError"


def test_a_job_id_is_taken_once(api):
    api.result("runs_of_job = 0")
    _, job_id = api.create_job("global runs_of_job += 1")
    for again in (job_id, job_id.upper()):
        assert api.create_job("global runs_of_job += 1", again)[0].status_code == 409
    api.finished_job(job_id)
    assert api.result("runs_of_job") == "1"


def test_an_unknown_job(api):
    assert api.job(str(uuid.uuid4())).status_code == 404


def test_the_list_holds_the_same_records(api):
    ids = [api.create_job(f"{number}")[1] for number in range(3)]
    records = [api.finished_job(job_id) for job_id in ids]
    assert api.get("command/jobs/list").json() == {"jobs": records}


@pytest.mark.parametrize(
    "change", [{"job_id": "7"}, {"job_id": None}, {"job_type": "RUN"}, {"code": None}, {"name": 5}]
)
def test_a_job_must_be_well_formed(api, change):
    body = {"job_id": str(uuid.uuid4()), "job_type": "EVAL", "code": "1", **change}
    assert api.post("command/jobs/create", body).status_code == 400


def test_jobs_share_variables_with_evals(api):
    api.result("shared_with_job = 20")
    _, job_id = api.create_job("global shared_with_job += 1")
    api.finished_job(job_id)
    assert api.result("shared_with_job") == "21"
