"""Logging in with a browser on another machine: the address that it ended at is pasted."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from person import LIMIT_S, PROGRAM, Profile, address_in, consent, oauth_variables

from engee_kernel.account.oauth import Redirect
from engee_kernel.emulator.process import LocalEngee


def begin(profile: Profile, engee: LocalEngee) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "login", "--oauth", "--no-browser"],
        env=profile.environment | oauth_variables(engee),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="backslashreplace",
    )


def type_in(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text + "\n")
    process.stdin.flush()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline()


def test_the_pasted_address_logs_in(profile: Profile, local_engee: LocalEngee) -> None:
    process = begin(profile.at(local_engee), local_engee)
    address = address_in(process)
    assert "paste it here and press Enter" in said(process)
    type_in(process, f"  {consent(address)} ")
    # the keyboard stays open, as a terminal does: the command ends all the same
    assert process.wait(LIMIT_S) == 0
    out, err = process.communicate(timeout=LIMIT_S)
    profile.said += [out, err]
    assert "as demo" in out, err
    assert json.loads(profile.run("status", "--json").stdout)["username"] == "demo"


def test_what_is_not_the_address_is_told_at_once_and_asked_for_again(profile: Profile, local_engee: LocalEngee) -> None:
    process = begin(profile.at(local_engee), local_engee)
    address = address_in(process)
    said(process)
    type_in(process, "https://engee.com/account")
    assert "not the address that the browser ended at" in said(process)
    redirect = parse_qs(urlsplit(address).query)["redirect_uri"][0]
    type_in(process, f"{redirect}?code=evil&state=guessed")
    assert "another login" in said(process)
    type_in(process, f'"{consent(address)}"')
    assert process.wait(LIMIT_S) == 0
    profile.said += process.communicate(timeout=LIMIT_S)


def test_access_denied_elsewhere_is_told(profile: Profile, local_engee: LocalEngee) -> None:
    process = begin(profile.at(local_engee), local_engee)
    type_in(process, consent(address_in(process), "deny"))
    assert process.wait(LIMIT_S) == 1
    assert "Access was denied" in process.communicate()[1]
    assert not profile.token_file.exists()


@pytest.mark.parametrize(
    ("make", "good"),
    [
        (lambda uri: f"{uri}?code=c&state=expected", True),
        (lambda uri: f"<{uri}?state=expected&code=c#top>", True),
        (lambda uri: "?code=c&state=expected", True),
        (lambda uri: f"{uri}?code=c", False),
        (lambda uri: f"{uri}?code=c&state=other", False),
        (lambda uri: uri, False),
        (lambda uri: "", False),
        (lambda uri: "nonsense ? code", False),
    ],
)
async def test_forms_of_a_pasted_address(make: Callable[[str], str], good: bool) -> None:
    async with Redirect.listening("http://127.0.0.1/callback") as redirect:
        redirect.expect("expected")
        trouble = redirect.take_pasted(make(redirect.uri))
        assert (trouble == "") == good
        if good:
            assert (await redirect.answer())["code"] == "c"
            assert redirect.take_pasted(make(redirect.uri)), "one answer is enough"


def test_time_passes_only_once(profile: Profile, local_engee: LocalEngee) -> None:
    """A keyboard that is closed does not end the wait for the browser."""
    process = begin(profile.at(local_engee), local_engee)
    address = address_in(process)
    assert process.stdin is not None
    process.stdin.close()
    time.sleep(0.3)
    assert process.poll() is None
    back = consent(address)
    assert httpx.get(back, trust_env=False).status_code == 200
    assert process.wait(LIMIT_S) == 0
    assert process.stdout is not None and process.stderr is not None
    profile.said += [process.stdout.read(), process.stderr.read()]
    process.stdout.close()
    process.stderr.close()
