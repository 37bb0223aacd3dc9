"""OAuth over a real socket: a code for tokens, a refresh token for new ones, a renewal in the middle of calls."""

from __future__ import annotations

import asyncio
import logging
import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from client_kinds import ClientFactory
from leaks import assert_hidden

from engee_kernel.api.client import EngeeClient
from engee_kernel.api.credentials import Secret
from engee_kernel.emulator.process import LocalEngee
from engee_kernel.facts.errors import ReplyLostError, TokenRejectedError

REDIRECT = "http://127.0.0.1:1/callback"
SCOPE = "user:id user:username profile:name profile:primary_email engee"


async def consent(engee: LocalEngee) -> str:
    """Click "allow" on the consent page; the code."""
    query = {
        "client_id": engee.client_id,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": SCOPE,
        "state": "s-1",
    }
    async with httpx.AsyncClient(base_url=engee.url) as browser:
        page = await browser.get("/account/authorize", params=query)
        ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)
        assert ticket is not None
        answer = await browser.post("/account/authorize", data={"ticket": ticket[1], "answer": "allow"})
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert back["state"] == ["s-1"]
    return back["code"][0]


def program(engee: LocalEngee) -> dict[str, str]:
    return {"client_id": engee.client_id, "client_secret": engee.client_secret}


def bare_client(engee: LocalEngee) -> EngeeClient:
    return EngeeClient(engee.url, "no-token-needed-here")


async def test_a_code_becomes_tokens_once(local_engee: LocalEngee, client_of: ClientFactory) -> None:
    code = await consent(local_engee)
    async with bare_client(local_engee) as client:
        exchange = {"code": code, "scope": SCOPE, "redirect_uri": REDIRECT, **program(local_engee)}
        grant = await client.exchange_code(**exchange)
        assert grant.expires_in_s == 600 and grant.scope == SCOPE and grant.refresh_token
        with pytest.raises(TokenRejectedError, match="invalid_grant"):
            await client.exchange_code(**exchange)
    assert await client_of(local_engee, grant.access_token).eval("3 + 5") == "8"


async def test_a_refresh_token_gives_a_new_access_token(local_engee: LocalEngee, client_of: ClientFactory) -> None:
    refresh_token = str(local_engee.make_token(kind="refresh", life_s=600)["token"])
    async with bare_client(local_engee) as client:
        first = await client.refresh(refresh_token=refresh_token, **program(local_engee))
        second = await client.refresh(refresh_token=refresh_token, **program(local_engee))
    assert first.access_token != second.access_token
    assert await client_of(local_engee, second.access_token).eval("1") == "1"


async def test_a_refresh_token_that_rotates(local_engee: LocalEngee) -> None:
    local_engee.configure(rotate_refresh_tokens=True)
    refresh_token = str(local_engee.make_token(kind="refresh", life_s=600)["token"])
    async with bare_client(local_engee) as client:
        grant = await client.refresh(refresh_token=refresh_token, **program(local_engee))
        assert grant.refresh_token and grant.refresh_token != refresh_token
        with pytest.raises(TokenRejectedError, match="invalid_grant"):
            await client.refresh(refresh_token=refresh_token, **program(local_engee))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "invalid_client"),
        ({"refresh_token": "wrong"}, "invalid_grant"),
    ],
)
async def test_refusals(local_engee: LocalEngee, changes: dict[str, str], reason: str) -> None:
    refresh_token = str(local_engee.make_token(kind="refresh", life_s=600)["token"])
    async with bare_client(local_engee) as client:
        with pytest.raises(TokenRejectedError, match=reason) as caught:
            await client.refresh(**{"refresh_token": refresh_token, **program(local_engee), **changes})
    assert "login" in caught.value.hint
    assert_hidden([refresh_token, local_engee.client_secret], caught.value)


async def test_an_exchange_is_never_repeated(local_engee: LocalEngee, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    local_engee.faults({"kind": "drop_after", "path": "oauth2/token"})
    refresh_token = str(local_engee.make_token(kind="refresh", life_s=600)["token"])
    async with bare_client(local_engee) as client:
        with pytest.raises(ReplyLostError) as caught:
            await client.refresh(refresh_token=refresh_token, **program(local_engee))
    assert len([call for call in local_engee.requests() if "oauth2" in call["path"]]) == 1
    assert_hidden([refresh_token, local_engee.client_secret], caught.value, records=caplog.records)


class Renewing:
    """A provider that knows a second token."""

    def __init__(self, first: str, second: str | None) -> None:
        self.current = Secret(first)
        self.second = second
        self.renewals = 0

    async def token(self) -> Secret:
        return self.current

    async def renewed(self, rejected: Secret) -> Secret | None:
        self.renewals += 1
        if self.second is None or rejected == Secret(self.second):
            return None
        self.current = Secret(self.second)
        return self.current


async def test_a_401_renews_the_token_and_repeats_the_call_once(local_engee: LocalEngee) -> None:
    provider = Renewing("expired-token-1", local_engee.token)
    async with EngeeClient(local_engee.url, provider) as client:
        assert await client.eval("3 + 5") == "8"
        assert provider.renewals == 1
        provider.current = Secret("expired-token-2")
        await client.eval("global renewed_runs = 1")
        assert provider.renewals == 2


async def test_a_401_that_cannot_be_mended(local_engee: LocalEngee) -> None:
    for second, renewals in ((None, 1), ("expired-token-2", 2)):
        provider = Renewing("expired-token-1", second)
        async with EngeeClient(local_engee.url, provider) as client:
            with pytest.raises(TokenRejectedError):
                await asyncio.wait_for(client.status(), 5)
        assert provider.renewals == renewals
        assert len(local_engee.requests()) == renewals
        local_engee.reset()


class Endless(Renewing):
    """A provider that never runs out of tokens that are not accepted."""

    async def renewed(self, rejected: Secret) -> Secret | None:
        self.renewals += 1
        return Secret(f"expired-token-{self.renewals}")


async def test_renewing_has_a_bound(local_engee: LocalEngee) -> None:
    async with EngeeClient(local_engee.url, Endless("expired-token-0", None)) as client:
        with pytest.raises(TokenRejectedError):
            await asyncio.wait_for(client.status(), 20)
    assert len(local_engee.requests()) <= 10
