"""The browser tab beside us: lines in the same process, "Clear all variables", "Restart the kernel"."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from engee_kernel.emulator.process import LocalEngeeError

pytestmark = pytest.mark.julia


def shown(api):
    return [item["data"]["text/plain"] for item in api.engee.shown_in_tab() if item["kind"] == "display"]


def test_a_line_sets_ans_and_its_value_is_shown(api):
    assert api.engee.run_in_tab("of_tab = 6 * 7") == {"text": "42", "error": None}
    assert api.result("(ans, of_tab)") == "(42, 42)"
    api.engee.run_in_tab("[ans];")
    assert api.result("ans") == "[42]"
    assert shown(api) == ["42"], "a semicolon keeps a value from being shown"
    assert api.engee.run_in_tab("nothing")["text"] == "nothing"
    assert shown(api) == ["42"]


def test_a_line_has_the_scope_of_a_notebook(api):
    assert api.engee.run_in_tab("soft = 0; for i in 1:3; soft += i; end; soft")["text"] == "6"


def test_a_line_that_fails(api):
    api.engee.run_in_tab('ans_before = "kept"')
    failure = api.engee.run_in_tab('error("boom")')
    assert failure["text"] is None
    assert failure["error"]["type"] == "ErrorException"
    assert re.search(r"top-level scope\n? *@? ?(at )?In\[\d+\]:1", failure["error"]["full_description"])
    assert api.result("ans") == "kept"


def test_the_tab_works_while_code_runs(api):
    api.result("hold_of_tab = Base.Event()")
    with ThreadPoolExecutor() as pool:
        running = pool.submit(api.result, "wait(hold_of_tab); ans")
        assert api.engee.run_in_tab('"from the tab"')["text"] == "from the tab"
        api.engee.run_in_tab("notify(hold_of_tab); 5")
        assert running.result(30) == "5"


def test_clear_all_variables(api):
    api.result("cleared = 1; const of_constants = 2; of_functions() = 3; struct OfTypes end; import Dates; nothing")
    api.engee.run_in_tab("4")
    assert int(api.engee.clear_variables()["text"]) >= 2
    assert api.result("(cleared, ans)") == "(EngeeNothing(), EngeeNothing())"
    assert api.result("(of_constants, of_functions(), OfTypes(), Dates.year(Dates.Date(5)))") == "(2, 3, OfTypes(), 5)"
    assert "EngeeNothing" in api.eval("cleared + 1").json()["error"]["full_description"]
    assert api.result("cleared = 5") == "5"


def test_restart_the_kernel(api):
    pid = api.engee.julia_pid()
    api.result("before_restart = 1")
    api.create_job("sleep(60)")
    api.engee.configure(restart_time_s=1)
    with ThreadPoolExecutor() as pool:
        running = pool.submit(api.eval, "sleep(60)")
        api.wait_for(lambda: any(c["status"] is None for c in api.engee.requests() if c["path"].endswith("/eval")))
        restart = pool.submit(api.engee.restart_kernel)
        assert running.result(30).status_code == 502
        states, pages = set(), set()
        while not restart.done():
            states.add(api.status())
            reply = api.eval("1")
            if reply.status_code != 200:
                pages.add((reply.status_code, reply.headers["content-type"]))
            time.sleep(0.05)
        restart.result(30)
    assert states == {"running"}
    assert pages == {(404, "*/*")}, "whose routes could they be?"
    assert api.engee.julia_pid() not in (None, pid)
    assert api.eval("before_restart").json()["error"]["type"] == "UndefVarError"
    assert api.get("command/jobs/list").json() == {"jobs": []}


def test_one_restart_at_a_time_and_a_stop_in_the_middle(api):
    api.engee.configure(restart_time_s=60)
    failures = []

    def restart():
        try:
            api.engee.restart_kernel()
        except LocalEngeeError as error:
            failures.append(str(error))

    first = threading.Thread(target=restart)
    first.start()
    api.wait_for(lambda: api.engee.julia_pid() is None)
    with pytest.raises(LocalEngeeError, match="Julia is being replaced"):
        api.engee.restart_kernel()
    with pytest.raises(LocalEngeeError, match="Julia is being replaced"):
        api.engee.run_in_tab("1")
    api.stop()
    api.wait_for_status("stopped")
    first.join(30)
    assert not first.is_alive()
    with pytest.raises(LocalEngeeError, match="The server is stopped"):
        api.engee.restart_kernel()
    assert len(failures) == 1
    assert "stopped before" in failures[0]


def test_a_julia_that_dies_is_replaced_where_it_should_be(api):
    api.engee.configure(dead_julia="replaced")
    pid = api.engee.julia_pid()
    assert api.eval("exit()").status_code == 502
    assert api.status() == "running"
    api.wait_for(lambda: api.engee.julia_pid() not in (None, pid))
    assert api.result("1 + 1") == "2"
    assert api.status() == "running"


def test_what_the_tab_refuses(api):
    for fields in ({"action": "run"}, {"action": "run", "line": 5}, {"action": "close"}, {}):
        with pytest.raises(LocalEngeeError, match=r"line must be a string|action must be one of run, clear, restart"):
            api.engee.control("POST", "tab", fields)
    for call in (api.http.get, api.http.post):
        assert call(f"{api.engee.url}/_emulator/tab").status_code == 401


def test_the_tab_on_the_account_page(api):
    with httpx.Client(base_url=api.engee.url, trust_env=False, timeout=30, follow_redirects=True) as person:
        person.get("/account", params={"key": api.engee.control_key})

        def press(**form):
            return person.post("/account", data=form).text

        assert '<pre id="answer">&lt;b&gt;1</pre>' in press(action="run", line='on_page = "<b>1"')
        assert 'class="stopped">boom' in press(action="run", line='error("boom")')
        press(action="clear")
        assert api.result("on_page") == "EngeeNothing()"
        pid = api.engee.julia_pid()
        assert "from Julia's next start" in person.get("/account").text.replace("&#39;", "'")
        press(action="settings", own_display="yes")
        assert "Some of these hold from Julia" in person.get("/account").text
        press(action="restart")
        assert "Some of these hold from Julia" not in person.get("/account").text
        assert api.engee.julia_pid() != pid
        press(action="fault", fault="maintenance")
        assert [api.eval("1").status_code for _ in range(4)] == [404, 404, 404, 200]
        if not api.engee.julia_threads()["interactive"]:
            assert "needs a Julia with interactive threads" in press(action="settings", eval_placement="interactive")
            assert api.engee.control("GET", "config")["eval_placement"] == "loop"
