"""`engee-kernel login`, `logout` and `status` as a person runs them, against the local Engee."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from person import LIMIT_S, Profile, address_in, click, oauth_variables

from engee_kernel.emulator.process import LocalEngee

if sys.platform != "win32":
    import pty


def test_a_token_is_checked_stored_used_and_forgotten(profile: Profile, local_engee: LocalEngee) -> None:
    profile.at(local_engee)
    done = profile.run("login", "--token-stdin", text=f"  {local_engee.token}\r\n")
    assert done.returncode == 0, done.stderr
    assert "as demo" in done.stdout and str(profile.token_file) in done.stdout
    if sys.platform != "win32":
        assert stat.S_IMODE(profile.token_file.stat().st_mode) == 0o600
    status = json.loads(profile.run("status", "--json").stdout)
    assert (status["username"], status["status"]) == ("demo", "running")
    assert status["token_source"] == f"the file {profile.token_file}"
    assert str(profile.token_file) in profile.run("logout").stdout
    assert "No token was stored" in profile.run("logout").stdout
    status_without = profile.run("status")
    assert status_without.returncode == 1
    assert "There is no token" in status_without.stderr and "engee-kernel login" in status_without.stderr


def test_a_refused_token_is_not_stored(profile: Profile, local_engee: LocalEngee) -> None:
    profile.at(local_engee).secrets.append("mistyped-token")
    done = profile.run("login", "--token-stdin", text="mistyped-token\n")
    assert done.returncode == 1
    assert "does not accept the token" in done.stderr
    assert not profile.token_file.exists()


@pytest.mark.parametrize("typed", ["", "\n", "two words\n", "токен\n"])
def test_what_can_not_be_a_token_is_refused_before_sending(
    profile: Profile, local_engee: LocalEngee, typed: str
) -> None:
    done = profile.at(local_engee).run("login", "--token-stdin", text=typed)
    assert done.returncode == 1
    assert "a token has only printable ASCII" in done.stderr
    assert typed.strip() == "" or typed.strip() not in done.stderr


def test_a_keyring_is_preferred_and_keeps_long_tokens(profile: Profile, local_engee: LocalEngee) -> None:
    profile.at(local_engee).keyring("FileKeyring")
    profile.log_in(local_engee.token)
    assert not profile.token_file.exists()
    assert local_engee.token in profile.keyring_file.read_text(encoding="utf-8")
    assert json.loads(profile.run("status", "--json").stdout)["token_source"] == "the system keyring (test keyring)"
    assert profile.run("logout").returncode == 0
    assert json.loads(profile.keyring_file.read_text(encoding="utf-8")) == {}


def test_a_token_is_for_one_address_only(profile: Profile, local_engee: LocalEngee) -> None:
    profile.at(local_engee).log_in(local_engee.token)
    other = profile.run("status", "--url", "https://engee.invalid")
    assert other.returncode == 1
    assert "There is no token" in other.stderr


def test_a_token_that_is_younger_than_the_server_is_stored_with_a_warning(
    profile: Profile, local_engee: LocalEngee
) -> None:
    profile.at(local_engee)
    for status in (401, 403):
        local_engee.configure(young_token_status=status)
        young = local_engee.make_token()["token"]
        profile.secrets.append(young)
        done = profile.run("login", "--token-stdin", text=young)
        assert done.returncode == 0
        assert "made after the server was started" in done.stderr
        assert "engee-kernel stop and engee-kernel start" in done.stderr


def test_what_goes_before_the_stored_token_is_told(profile: Profile, local_engee: LocalEngee) -> None:
    profile.at(local_engee)
    done = profile.run("login", "--token-stdin", text=local_engee.token, ENGEE_TOKEN="another")
    assert "ENGEE_TOKEN is set too" in done.stderr
    assert "ENGEE_TOKEN is set too" in profile.run("logout", ENGEE_TOKEN="another").stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals are POSIX's")
def test_a_typed_token_is_not_echoed(profile: Profile, local_engee: LocalEngee) -> None:
    profile.at(local_engee)
    child, terminal = pty.openpty()
    program = "import sys; from engee_kernel.cli import main; sys.exit(main(['login']))"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env=profile.environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        screen = _read_until(child, b"(not shown): ")
        os.write(child, local_engee.token.encode() + b"\n")
        screen += _read_until(child, None)
        assert process.wait(LIMIT_S) == 0, screen
    os.close(child)
    assert b"Logged in" in screen
    assert local_engee.token.encode() not in screen


def _read_until(terminal: int, mark: bytes | None) -> bytes:
    seen = b""
    while mark is None or mark not in seen:
        try:
            part = os.read(terminal, 1000)
        except OSError:  # the other end is closed
            return seen
        if not part:
            return seen
        seen += part
    return seen


def test_without_a_terminal_it_says_how_to_pipe(profile: Profile, local_engee: LocalEngee) -> None:
    done = profile.at(local_engee).run("login")
    assert done.returncode == 2
    assert "--token-stdin" in done.stderr


# Through the browser


def test_login_through_the_browser(profile: Profile, local_engee: LocalEngee) -> None:
    profile.at(local_engee)
    process = profile.begin("login", "--oauth", "--no-browser", "--json", **oauth_variables(local_engee))
    address = address_in(process)
    query = parse_qs(urlsplit(address).query)
    assert query["response_type"] == ["code"] and query["code_challenge_method"] == ["S256"]
    assert len(query["state"][0]) >= 32
    assert local_engee.client_secret not in address
    assert "You are logged in" in click(address)
    out, err = process.communicate(timeout=LIMIT_S)
    profile.said += [out, err]
    assert process.returncode == 0, err
    assert json.loads(out)["username"] == "demo"
    status = profile.run("status", "--json")
    assert json.loads(status.stdout)["username"] == "demo", "client id and secret are needed at login only"


def test_only_the_answer_that_was_asked_for_counts(profile: Profile, local_engee: LocalEngee) -> None:
    profile.at(local_engee)
    process = profile.begin("login", "--oauth", "--no-browser", **oauth_variables(local_engee))
    address = address_in(process)
    redirect = parse_qs(urlsplit(address).query)["redirect_uri"][0]
    with httpx.Client(trust_env=False) as stranger:
        assert stranger.get(redirect, params={"code": "evil", "state": "guessed"}).status_code == 400
        assert stranger.get(redirect, params={"code": "evil"}).status_code == 400
        assert stranger.post(redirect).status_code == 404
        assert stranger.get(redirect.replace("callback", "favicon.ico")).status_code == 404
    assert process.poll() is None
    assert "You are logged in" in click(address)
    out, err = process.communicate(timeout=LIMIT_S)
    profile.said += [out, err]
    assert process.returncode == 0, err


def test_access_denied_is_told_and_nothing_stored(profile: Profile, local_engee: LocalEngee) -> None:
    profile.at(local_engee)
    process = profile.begin("login", "--oauth", "--no-browser", **oauth_variables(local_engee))
    click(address_in(process), "deny")
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1
    assert "Access was denied" in err
    assert not profile.token_file.exists()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "needs ENGEE_OAUTH_CLIENT_ID"),
        ({"ENGEE_OAUTH_CLIENT_ID": "x"}, "needs ENGEE_OAUTH_CLIENT_SECRET"),
        (
            {
                "ENGEE_OAUTH_CLIENT_ID": "x",
                "ENGEE_OAUTH_CLIENT_SECRET": "y",
                "ENGEE_OAUTH_REDIRECT_URI": "https://evil.example/",
            },
            "can't be the redirect address",
        ),
    ],
)
def test_what_is_missing_for_the_browser_is_named(
    profile: Profile, local_engee: LocalEngee, variables: dict[str, str], expected: str
) -> None:
    done = profile.at(local_engee).run("login", "--oauth", "--no-browser", **variables)
    assert done.returncode == 1
    assert expected in done.stderr


def test_a_wrong_client_secret_is_refused(profile: Profile, local_engee: LocalEngee) -> None:
    profile.at(local_engee)
    variables = oauth_variables(local_engee) | {"ENGEE_OAUTH_CLIENT_SECRET": "wrong-secret"}
    process = profile.begin("login", "--oauth", "--no-browser", **variables)
    click(address_in(process))
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1
    assert "invalid_client" in err and "wrong-secret" not in err
