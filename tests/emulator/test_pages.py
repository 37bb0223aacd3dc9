"""The pages for people, in a real browser: forms and their headers are what browsers make of them."""

from __future__ import annotations

import http.server
import threading
import urllib.parse

import pytest

pytestmark = [pytest.mark.julia, pytest.mark.browser]


@pytest.fixture
def page(browser):
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(15_000)
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def callback():
    """The loopback address of a program that waits for its code."""
    came = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            came.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<link rel='icon' href='data:,'>done")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/callback", came
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_a_person_allows_a_program(page, callback, local_engee):
    address, came = callback
    query = {
        "client_id": local_engee.client_id,
        "redirect_uri": address,
        "response_type": "code",
        "scope": "user:id engee",
        "state": "a b",
    }
    page.goto(f"{local_engee.url}/account/authorize?{urllib.parse.urlencode(query)}")
    page.click("#allow")
    page.wait_for_url("**/callback?*")
    fields = urllib.parse.parse_qs(urllib.parse.urlsplit(came[0]).query)
    assert fields["state"] == ["a b"]
    assert fields["code"][0]


def test_a_person_uses_the_account_page(page, api, other_api):
    engee = api.engee
    page.goto(f"{engee.url}/account?key={engee.control_key}")
    assert "key=" not in page.url
    page.fill("input[name=name]", "Мой ноутбук")
    page.click("text=Add token")
    token = page.inner_text("#token")
    assert other_api(engee, token).status() == "running"
    page.click("text=Lose the reply of the next eval")
    assert engee.control("GET", "faults")["faults"][0]["kind"] == "drop_after"
    page.click("text=Remove all faults")
    page.select_option("#strings", "quoted")
    page.select_option("#evals_during_jobs", label="no")
    page.click("text=Change switches")
    page.wait_for_selector("#status")
    settings = engee.control("GET", "config")
    assert (settings["strings"], settings["evals_during_jobs"]) == ("quoted", False)
    page.fill("#line", 'display("<i>by hand</i>"); 6 * 7')
    page.get_by_role("button", name="Run", exact=True).click()
    assert page.inner_text("#answer") == "42"
    page.click("text=Clear all variables")
    assert api.result("ans") == "EngeeNothing()"
    page.click("text=Restart the kernel")
    page.wait_for_selector("#status")
    assert api.eval("ans").json()["error"]["type"] == "UndefVarError"
    page.click("text=Stop Engee")
    api.wait_for_status("stopped")
    page.reload()
    assert page.inner_text("#status") == "stopped"
    page.click("text=Start Engee")
    api.wait_for_status("running")
