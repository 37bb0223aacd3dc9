"""Secrets stay secret, tokens are checked before they are sent, and addresses before they get one."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engee_kernel.api.credentials import STARS, FixedToken, Secret, clean_token, origin
from engee_kernel.facts.errors import SettingError

VALUE = "pat-Zx81-very-secret"


def test_a_secret_shows_itself_to_reveal_only() -> None:
    secret = Secret(VALUE)
    assert secret.reveal() == VALUE
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", f"{secret:>40}", f"{[secret]}"):
        assert VALUE not in shown
    assert VALUE not in repr(FixedToken(secret))
    assert STARS in str(secret)


@pytest.mark.parametrize("leak", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars])
def test_a_secret_is_not_taken_along(leak: object) -> None:
    with pytest.raises(TypeError):
        leak(Secret(VALUE))  # type: ignore[operator]


def test_secrets_compare_by_value() -> None:
    assert Secret(VALUE) == Secret(VALUE) and hash(Secret(VALUE)) == hash(Secret(VALUE))
    assert Secret(VALUE) != Secret("other") and Secret(VALUE) != VALUE
    assert not Secret("") and Secret(VALUE)


@pytest.mark.parametrize("typed", [VALUE, f" {VALUE}\r\n", f"Bearer {VALUE}", f"  bearer   {VALUE} ", f"\ufeff{VALUE}"])
def test_tokens_as_people_paste_them(typed: str) -> None:
    assert clean_token(typed, "ENGEE_TOKEN").reveal() == VALUE


@pytest.mark.parametrize("typed", ["", "  ", "Bearer ", "two words", "токен", "a\nb", "a\x00b", "a\x7f", f"“{VALUE}”"])
def test_what_can_be_no_token(typed: str) -> None:
    with pytest.raises(SettingError) as caught:
        clean_token(typed, "ENGEE_TOKEN")
    assert "ENGEE_TOKEN" in caught.value.message
    assert "login" in caught.value.hint
    assert not typed.strip() or typed.strip().removeprefix("Bearer") == "" or typed not in str(caught.value)


@given(st.text())
def test_a_token_is_a_header_value_or_refused(typed: str) -> None:
    try:
        token = clean_token(typed, "x").reveal()
    except SettingError:
        return
    assert token and token.isascii() and token.isprintable() and " " not in token


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://engee.com", "https://engee.com:443"),
        ("https://ENGEE.com:443/prod/user/x/", "https://engee.com:443"),
        ("https://engee.example:8443/a?b#c", "https://engee.example:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.1", "http://127.0.0.1:80"),
        ("http://127.1.2.3:5/", "http://127.1.2.3:5"),
        ("http://[::1]:5/", "http://[::1]:5"),
    ],
)
def test_origins(url: str, expected: str) -> None:
    assert origin(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://engee.com",
        "http://127.0.0.1.evil.example",
        "http://127.evil.example/",
        "http://localhost.evil.example",
        "http://10.0.0.1",
        "http://[::2]",
        "ftp://engee.com",
        "engee.com",
        "",
        "https://",
        "https://user:pw@engee.com",
        "https://127.0.0.1@evil.example",
        "https://engee.com:port",
        "https://engee.com:99999",
        "https://[::1",
    ],
)
def test_addresses_that_get_no_token(url: str) -> None:
    with pytest.raises(SettingError) as caught:
        origin(url)
    assert caught.value.hint
    assert "pw" not in str(caught.value)
