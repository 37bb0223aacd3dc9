"""OAuth: the consent page, the code, the tokens; and the account page."""

from __future__ import annotations

import base64
import hashlib
import re

import httpx
import pytest

pytestmark = pytest.mark.julia

REDIRECT = "http://127.0.0.1:8765/callback"
SCOPE = "user:id user:username profile:name profile:primary_email engee"


class Browser:
    def __init__(self, engee):
        self.engee = engee
        self.http = httpx.Client(base_url=engee.url, trust_env=False, timeout=30)

    def ask(self, **changes):
        query = {
            "client_id": self.engee.client_id,
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": SCOPE,
            "state": "st ate&1",
            **changes,
        }
        return self.http.get("/account/authorize", params={k: v for k, v in query.items() if v is not None})

    def answer(self, page, answer="allow"):
        ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)[1]
        reply = self.http.post("/account/authorize", data={"ticket": ticket, "answer": answer})
        assert reply.status_code == 302
        assert reply.headers["location"].startswith(REDIRECT + "?")
        return dict(httpx.URL(reply.headers["location"]).params)

    def exchange(self, **fields):
        form = {
            "grant_type": "authorization_code",
            "client_id": self.engee.client_id,
            "client_secret": self.engee.client_secret,
            "scope": SCOPE,
            "redirect_uri": REDIRECT,
            **fields,
        }
        return self.http.post("/account/api/oauth2/token", data=form)

    def tokens(self):
        return self.exchange(code=self.answer(self.ask())["code"]).json()

    def refresh(self, token):
        return self.exchange(grant_type="refresh_token", refresh_token=token)


@pytest.fixture
def browser(local_engee):
    browser = Browser(local_engee)
    with browser.http:
        yield browser


def test_from_consent_to_a_call(browser, other_api):
    page = browser.ask()
    assert page.status_code == 200
    assert '<button class="main" id="allow"' in page.text
    back = browser.answer(page)
    assert set(back) == {"code", "scope", "state"}
    assert (back["scope"], back["state"]) == (SCOPE, "st ate&1")
    reply = browser.exchange(code=back["code"])
    assert reply.status_code == 200
    tokens = reply.json()
    assert tokens["expires_in"] == 600
    assert tokens["token_type"] == "Bearer"
    assert other_api(browser.engee, tokens["access_token"]).result("1 + 1") == "2"
    assert browser.exchange(code=back["code"]).json() == {"error": "invalid_grant"}, "a code is used once"


def test_a_person_says_no(browser):
    assert browser.answer(browser.ask(), "deny") == {"error": "access_denied", "state": "st ate&1"}


def test_a_page_is_answered_once(browser):
    page = browser.ask()
    browser.answer(page)
    ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)[1]
    assert browser.http.post("/account/authorize", data={"ticket": ticket, "answer": "allow"}).status_code == 400


@pytest.mark.parametrize(
    "redirect_uri",
    ["https://example.com/cb", "http://example.com:80/", "http://127.0.0.1/", "http://127.0.0.1:1@evil.example:2/", ""],
)
def test_an_address_that_is_not_registered_gets_no_code(browser, redirect_uri):
    assert browser.ask(redirect_uri=redirect_uri).status_code == 400


def test_an_unknown_program(browser):
    assert browser.ask(client_id="somebody").status_code == 400
    code = browser.answer(browser.ask())["code"]
    assert browser.exchange(code=code, client_secret="wrong").status_code == 401
    assert browser.exchange(code=code, client_id="somebody").json() == {"error": "invalid_client"}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"code_challenge": "x"}, "invalid_request"),
    ],
)
def test_what_is_wrong_goes_back_to_the_program(browser, changes, error):
    reply = browser.ask(**changes)
    assert reply.status_code == 302
    assert dict(httpx.URL(reply.headers["location"]).params) == {"error": error, "state": "st ate&1"}


def test_proof_key(browser):
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()

    def code():
        return browser.answer(browser.ask(code_challenge=challenge, code_challenge_method="S256"))["code"]

    assert browser.exchange(code=code()).json() == {"error": "invalid_grant"}
    assert browser.exchange(code=code(), code_verifier="w" * 50).json() == {"error": "invalid_grant"}
    assert browser.exchange(code=code(), code_verifier=verifier).status_code == 200


def test_the_redirect_must_be_the_same(browser):
    code = browser.answer(browser.ask())["code"]
    assert browser.exchange(code=code, redirect_uri=REDIRECT + "2").json() == {"error": "invalid_grant"}


def test_refreshing(browser, other_api):
    browser.engee.configure(access_token_life_s=0.3)
    tokens = browser.tokens()
    client = other_api(browser.engee, tokens["access_token"])
    client.wait_for(lambda: client.info().status_code == 401)
    browser.engee.configure(access_token_life_s=600)
    renewed = browser.refresh(tokens["refresh_token"]).json()
    assert renewed["refresh_token"] == tokens["refresh_token"]
    assert other_api(browser.engee, renewed["access_token"]).info().status_code == 200


def test_rotation_of_refresh_tokens(browser):
    browser.engee.configure(rotate_refresh_tokens=True)
    first = browser.tokens()["refresh_token"]
    second = browser.refresh(first).json()["refresh_token"]
    assert second != first
    assert browser.refresh(first).json() == {"error": "invalid_grant"}
    assert browser.refresh(second).status_code == 200


def test_refresh_tokens_end(browser):
    browser.engee.configure(refresh_token_life_s=0)
    assert browser.refresh(browser.tokens()["refresh_token"]).json() == {"error": "invalid_grant"}
    assert browser.refresh(browser.engee.token).json() == {"error": "invalid_grant"}


def test_other_grants_and_bodies(browser):
    assert browser.exchange(grant_type="password").json() == {"error": "unsupported_grant_type"}
    assert browser.http.post("/account/api/oauth2/token", json={}).status_code == 415


# -- the account page


@pytest.fixture
def account(browser):
    page = browser.http.get("/account", params={"key": browser.engee.control_key}, follow_redirects=True)
    assert page.status_code == 200
    assert browser.engee.control_key not in page.text
    return browser


def press(account, **form):
    return account.http.post("/account", data=form, follow_redirects=True)


def test_the_account_page_needs_its_link(browser):
    assert browser.http.get("/account").status_code == 403
    assert browser.http.get("/account", params={"key": "x"}).status_code == 403
    assert browser.http.post("/account", data={"action": "stop"}).status_code == 403


def test_the_buttons_of_another_page_do_nothing(account):
    reply = account.http.post("/account", data={"action": "stop"}, headers={"Origin": "http://evil.example"})
    assert reply.status_code == 403
    assert account.http.get("/account", headers={"Host": "evil.example"}).status_code == 400


def test_start_and_stop_buttons(account, api):
    assert '<span class="state running" id="status">running</span>' in account.http.get("/account").text
    press(account, action="stop")
    api.wait_for_status("stopped")
    press(account, action="start")
    api.wait_for_status("running")


def test_a_new_token_is_shown_once(account, other_api):
    page = press(account, action="token", name="<b>mine</b>", days="5").text
    token = re.search(r'id="token">([^<]+)<', page)[1]
    assert other_api(account.engee, token).info().status_code == 200
    later = account.http.get("/account").text
    assert token not in later
    assert "&lt;b&gt;mine&lt;/b&gt;" in later
    assert press(account, action="token", name="x", days="0").status_code == 400


def test_switches_and_faults_of_the_page(account, api):
    press(account, action="settings", nothing="null", result_limit_chars="4")
    assert api.result("nothing") is None
    assert api.result('"abcdef"') == "abcd"
    assert press(account, action="settings", nothing="what").status_code == 400
    press(account, action="fault", fault="gateway")
    assert api.eval("1").status_code == 502
    press(account, action="fault", fault="gateway")
    press(account, action="no_faults")
    assert api.eval("1").status_code == 200
