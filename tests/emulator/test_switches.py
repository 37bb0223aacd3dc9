"""Each switch, changed while the local Engee runs, and as a word on the command line."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from engee_kernel.emulator.command import main, option_name, shell_lines
from engee_kernel.emulator.process import LocalEngeeError, command_options
from engee_kernel.emulator.settings import SettingError, Settings, parse_text

julia = pytest.mark.julia


@julia
def test_one_eval_at_a_time(api):
    api.engee.configure(evals="serial")
    api.result("order_of_evals = Int[]")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(api.result, "sleep(0.5); push!(order_of_evals, 1); 1")
        api.wait_for(lambda: sum(c["status"] is None for c in api.engee.requests()) == 1)
        assert api.result("push!(order_of_evals, 2); string(order_of_evals)") == "[1, 2]"
        assert first.result(30) == "1"


@julia
def test_evals_wait_for_jobs(api):
    api.engee.configure(evals_during_jobs=False)
    _, job_id = api.create_job("sleep(0.5); global job_has_ended = true")
    assert api.result("job_has_ended") == "true"
    assert api.job(job_id).json()["status"] == "DONE"


@julia
def test_a_process_for_each_job(api):
    api.engee.configure(jobs="own-process")
    own_pid = api.result("pid_of_evals = getpid()")
    _, job_id = api.create_job('(getpid(), @isdefined(pid_of_evals), pwd(), sprint(print, "x"))')
    pid, rest = api.finished_job(job_id)["result"]["data"]["text"].strip("()").split(", ", 1)
    assert pid != own_pid
    assert rest == 'false, "/user", "x"'
    _, job_id = api.create_job("exit(3)")
    assert api.finished_job(job_id)["result"]["type"] == "error"
    assert api.status() == "running"


@julia
def test_quoted_strings(api):
    api.engee.configure(strings="quoted")
    assert api.result('"a\\"b"') == '"a\\"b"'
    assert api.result("5") == "5"
    _, job_id = api.create_job('"a"')
    assert api.finished_job(job_id)["result"]["data"] == {"text": '"a"'}


@julia
@pytest.mark.parametrize(("nothing", "result"), [("nothing", "nothing"), ("empty", ""), ("null", None)])
def test_what_nothing_is(api, nothing, result):
    api.engee.configure(nothing=nothing)
    assert api.eval("nothing").json() == {"result": result}
    assert api.result('"nothing"') == "nothing"
    _, job_id = api.create_job("nothing")
    assert api.finished_job(job_id)["result"]["data"] == {"text": result}


@julia
def test_long_results_are_cut(api):
    api.engee.configure(result_limit_chars=5)
    assert api.result('"абвгдеж"') == "абвгд"


@julia
def test_printed_text_in_the_result(api):
    assert api.result('println("not seen"); 1') == "1"
    api.engee.configure(stdout_in_result=True)
    assert api.result('println("seen"); print("too"); 1') == "seen\ntoo1"
    assert api.result('println("seen");') == "seen\n"
    assert api.result("2") == "2"
    assert api.eval('println("seen"); error("boom")').status_code == 400
    with ThreadPoolExecutor() as pool:
        codes = [f'for i in 1:5; print("{name}"); sleep(0.02); end' for name in "abcd"]
        assert list(pool.map(api.result, codes)) == ["aaaaa", "bbbbb", "ccccc", "ddddd"]
    api.engee.configure(stdout_in_result=False)
    assert api.result('println("not seen"); 1') == "1"


@julia
def test_size_limits(api):
    api.engee.configure(code_limit_bytes=20, upload_limit_bytes=1000)
    assert api.eval("1" + " " * 19).status_code == 200
    too_long = "1" + " " * 20
    assert api.eval(too_long).status_code == 413
    assert api.eval("# " + "я" * 10).status_code == 413
    assert api.create_job(too_long)[0].status_code == 413
    assert api.upload(["/user"], [("limited.bin", b"x" * 2000)]).status_code == 413
    assert not (api.engee.user_dir / "limited.bin").exists()
    assert api.upload(["/user"], [("limited.bin", b"x")]).status_code == 200


@julia
def test_the_proxys_time_limit(api):
    api.engee.configure(eval_limit_s=0.2)
    reply = api.eval("sleep(0.8); global outlived_its_limit = true")
    assert reply.status_code == 504
    assert reply.headers["content-type"].startswith("text/html")
    api.wait_for(lambda: api.eval("outlived_its_limit").status_code == 200)


@julia
def test_finished_jobs_are_forgotten(api):
    api.engee.configure(jobs_kept_s=0.3)
    _, job_id = api.create_job("sleep(0.5)")
    api.wait_for(lambda: api.job(job_id).status_code == 404)
    assert api.get("command/jobs/list").json() == {"jobs": []}
    assert api.create_job("1", job_id)[0].status_code == 202


@julia
@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("plain", 'filename="имя файла.txt"'),
        ("extended", "filename*=UTF-8''%D0%B8%D0%BC%D1%8F%20%D1%84%D0%B0%D0%B9%D0%BB%D0%B0.txt"),
        ("none", 'name="file"\r\n'),
    ],
)
def test_names_of_downloads(api, form, words):
    api.engee.configure(download_name=form)
    (api.engee.user_dir / "имя файла.txt").write_text("1", encoding="utf-8")
    content = api.download("/user/имя файла.txt").content.decode()
    assert words in content
    assert (form == "none") == ("filename" not in content)


@julia
def test_names_in_zips(api):
    api.engee.configure(zip_names="path")
    api.upload(["/user/zip/a", "/user/zip/b"], [("x.txt", b"A"), ("x.txt", b"B")])
    reply = api.download("/user/zip/a/x.txt", "/user/zip/b/x.txt")
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        assert archive.namelist() == ["zip/a/x.txt", "zip/b/x.txt"]


@julia
def test_the_upload_reply(api):
    api.engee.configure(upload_reply="list")
    assert api.upload(["/user/new/ы"], [("я.txt", b"A")]).json() == ["/user/new/ы/я.txt"]


@julia
@pytest.mark.parametrize("status", [404, 502, 503])
def test_what_a_stopped_server_answers(local_engee_factory, other_api, status):
    api = other_api(local_engee_factory(stopped=True, stopped_status=status))
    for reply in (api.eval("1"), api.create_job("1")[0], api.download("/user/x"), api.upload(["/user"], [("a", b"1")])):
        assert reply.status_code == status
        assert reply.headers["content-type"].startswith("text/html")


@julia
def test_a_reset_undoes_everything(api):
    api.engee.configure(nothing="null", strings="quoted")
    api.engee.faults({"kind": "status", "status": 500})
    token = api.engee.make_token(kind="pat")["token"]
    api.create_job("1")
    api.result("survives_reset = 1") if api.eval("1").status_code == 200 else None
    api.engee.reset()
    assert api.engee.control("GET", "config") == Settings().to_json()
    assert api.engee.control("GET", "faults") == {"faults": []}
    assert api.engee.requests() == []
    assert token[-4:] not in str(api.engee.control("GET", "tokens"))
    assert api.get("command/jobs/list").json() == {"jobs": []}


@julia
def test_the_control_calls_are_locked_and_strict(api):
    url = f"{api.engee.url}/_emulator"
    for path in ("config", "faults", "requests", "state", "tokens"):
        assert api.http.get(f"{url}/{path}").status_code == 401, "a token is not the control key"
    for path in ("config", "faults", "reset", "kill-julia", "tokens"):
        assert api.http.post(f"{url}/{path}", json={}).status_code == 401
    with pytest.raises(LocalEngeeError, match="no setting 'colour'"):
        api.engee.configure(colour="red")
    with pytest.raises(LocalEngeeError, match="evals must be one of parallel, serial"):
        api.engee.configure(evals="both")
    with pytest.raises(LocalEngeeError, match="no 'when'"):
        api.engee.faults({"kind": "status", "when": "now"})
    with pytest.raises(LocalEngeeError, match="kind must be one of"):
        api.engee.faults({"kind": "earthquake"})
    with pytest.raises(LocalEngeeError, match="count cannot be 'two'"):
        api.engee.faults({"kind": "status", "count": "two"})
    with pytest.raises(LocalEngeeError, match="no such token"):
        api.engee.end_token("unknown")


@julia
def test_the_log_holds_no_secrets(api):
    api.eval("1 + 1")
    api.http.get(f"{api.engee.url}/account/authorize", params={"state": "secret-state"})
    log = api.engee.requests()
    assert [(c["method"], c["path"].rsplit("/", 1)[-1], c["status"]) for c in log] == [
        ("POST", "eval", 200),
        ("GET", "authorize", 400),
    ]
    assert log[0]["received_bytes"] == len('{"command":"1 + 1"}')
    assert log[0]["sent_bytes"] == len('{"result":"2"}')
    assert log[0]["duration_s"] > 0
    for secret in (api.engee.token, api.engee.control_key, "secret-state", "1 + 1"):
        assert secret not in str(log)


# -- without Julia: words and values


@pytest.mark.parametrize("setting", [f.name for f in dataclasses.fields(Settings)])
def test_each_setting_has_a_default_that_it_accepts(setting):
    default = getattr(Settings(), setting)
    assert getattr(Settings().replaced({setting: default}), setting) == default
    text = {"None": "off", "True": "yes", "False": "no"}.get(str(default), str(default))
    assert parse_text(setting, text) == default


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("evals", "sometimes"),
        ("evals_during_jobs", 1),
        ("result_limit_chars", -1),
        ("result_limit_chars", 1.5),
        ("start_time_s", None),
        ("start_time_s", "1"),
        ("start_time_s", float("nan")),
        ("start_time_s", True),
        ("stopped_status", 200),
        ("young_token_status", True),
    ],
)
def test_values_that_make_no_sense(setting, value):
    with pytest.raises(SettingError, match=setting):
        Settings().replaced({setting: value})


def test_words_of_the_command_line():
    assert option_name("start_time_s") == "--start-time"
    assert option_name("code_limit_bytes") == "--code-limit"
    assert len({option_name(f.name) for f in dataclasses.fields(Settings)}) == len(dataclasses.fields(Settings))
    assert command_options({"start_time": 1.5, "stopped": True, "evals_during_jobs": False, "token": None}) == [
        *("--start-time", "1.5", "--stopped", "--evals-during-jobs", "no")
    ]


def test_the_lines_for_a_shell():
    assert shell_lines("http://u", "t", is_windows=False) == ["export ENGEE_URL=http://u", "export ENGEE_TOKEN=t"]
    windows = shell_lines("http://u", "t", is_windows=True)
    assert windows[:2] == ['$env:ENGEE_URL = "http://u"', '$env:ENGEE_TOKEN = "t"']
    assert windows[3:] == ["set ENGEE_URL=http://u", "set ENGEE_TOKEN=t"]


@pytest.mark.parametrize(
    "words", [["--evals", "never"], ["--start-time", "soon"], ["--token", "short"], ["--running", "--stopped"]]
)
def test_wrong_words(words, julia, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert words[0] in capsys.readouterr().err or "_" in words[0]
