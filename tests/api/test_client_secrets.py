"""Where the token goes, and where it never shows."""

from __future__ import annotations

import asyncio
import logging
import secrets
from functools import partial

import pytest
from client_kinds import ClientFactory, LocalEngeeFactory
from leaks import assert_hidden
from scripted_server import INFO, ScriptedServer, http_reply

from engee_kernel.api.client import EngeeClient
from engee_kernel.api.credentials import Secret
from engee_kernel.emulator.process import LocalEngee
from engee_kernel.facts.errors import EngeeError, SettingError, TokenRejectedError

EVAL = "/prefix/external/command/eval"


def bearers(server: ScriptedServer) -> list[bool]:
    """For each request, whether it carried the token."""
    return [server.token in request for request in server.requests]


async def test_the_two_origins_get_the_token(local_engee_factory: LocalEngeeFactory, client_of: ClientFactory) -> None:
    engee = local_engee_factory(session_port=0)
    assert engee.session_url.split("/")[2] != engee.url.split("/")[2]
    client = client_of(engee)
    assert await client.eval("1 + 1") == "2"
    assert [job.job_id for job in await client.jobs()] == []


async def test_a_prefix_on_another_origin_is_followed_there_and_only_there(
    scripted: ScriptedServer, client_of: ClientFactory
) -> None:
    async with ScriptedServer() as second, ScriptedServer() as third:
        here = {"serverStatus": "running", "url": f"{second.url}/prefix/"}
        scripted.replies[INFO] = http_reply(body=here)
        second.replies[EVAL] = http_reply(307, Location=f"{third.url}{EVAL}")
        client = client_of(scripted)
        with pytest.raises(EngeeError, match="redirected"):
            await client.eval("1")
        assert [scripted.token in request for request in second.requests] == [True]
        assert third.requests == []
        second.replies[EVAL] = http_reply(body={"result": "8"})
        assert await client.eval("3 + 5") == "8"


async def test_a_prefix_that_moves_takes_the_token_away_from_the_old_origin(
    scripted: ScriptedServer, client_of: ClientFactory
) -> None:
    async with ScriptedServer() as second:
        client = client_of(scripted)
        await client.status()
        scripted.replies[INFO] = http_reply(body={"serverStatus": "running", "url": f"{second.url}/prefix/"})
        await client.status()
        second.replies[EVAL] = http_reply(body={"result": "8"})
        await client.eval("3 + 5")
        assert scripted.calls(EVAL) == []


@pytest.mark.parametrize("url", ["http://192.0.2.1/prefix/", "http://127.0.0.1.example/p/", "ftp://engee.com/"])
async def test_a_prefix_that_would_expose_the_token_is_refused(
    scripted: ScriptedServer, client_of: ClientFactory, url: str
) -> None:
    scripted.replies[INFO] = http_reply(body={"serverStatus": "running", "url": url})
    client = client_of(scripted)
    for call in (client.status, client.jobs):
        with pytest.raises(SettingError) as caught:
            await asyncio.wait_for(call(), 5)
        assert_hidden([scripted.token], caught.value)
    assert all(request.startswith(f"GET {INFO} ") for request in scripted.requests)


async def test_a_bad_prefix_does_not_replace_a_good_one(scripted: ScriptedServer, client_of: ClientFactory) -> None:
    client = client_of(scripted)
    await client.status()
    scripted.replies[INFO] = http_reply(body={"serverStatus": "running", "url": "http://192.0.2.1/p/"})
    with pytest.raises(SettingError):
        await client.status()
    scripted.replies[EVAL] = http_reply(body={"result": "8"})
    assert await client.eval("3 + 5") == "8"


async def test_a_proxy_of_the_environment_never_sees_loopback(
    local_engee: LocalEngee, monkeypatch: pytest.MonkeyPatch, scripted: ScriptedServer
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, scripted.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with EngeeClient(local_engee.url, local_engee.token, retry_bound_s=0) as client:
        assert await client.eval("3 + 5") == "8"
    assert scripted.requests == []


async def test_the_token_exchange_carries_no_bearer_token(scripted: ScriptedServer, client_of: ClientFactory) -> None:
    scripted.replies["/account/api/oauth2/token"] = http_reply(body={"access_token": "new-access-token"})
    await client_of(scripted).refresh(refresh_token="r", client_id="c", client_secret="s")
    assert bearers(scripted) == [False]


async def test_nothing_of_a_client_shows_its_token(local_engee: LocalEngee, client_of: ClientFactory) -> None:
    client = client_of(local_engee)
    await client.eval("1")
    assert_hidden([local_engee.token], client, await client.status(), Secret(local_engee.token))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_before"},
        {"kind": "drop_after"},
        {"kind": "drop_body"},
        {"kind": "status", "status": 401},
        {"kind": "status", "status": 429},
        {"kind": "status", "status": 502},
        {"kind": "not_json"},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
async def test_no_error_and_no_log_shows_the_token(
    local_engee: LocalEngee, client_of: ClientFactory, caplog: pytest.LogCaptureFixture, fault: dict[str, object]
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "engee_kernel", "asyncio", "tenacity"):
        caplog.set_level(logging.DEBUG, logger=name)
    client = client_of(local_engee, retry_bound_s=0.3)
    await client.eval("1")
    local_engee.faults({**fault, "path": "/"})
    errors = []
    for call in (client.status, client.jobs, partial(client.eval, "1"), partial(client.job, "some-id")):
        with pytest.raises(EngeeError) as caught:
            await call()
        errors.append(caught.value)
    assert caplog.records, "httpx and httpcore log at this level"
    assert_hidden([local_engee.token], *errors, records=caplog.records)


async def test_a_reply_that_echoes_the_request_shows_no_token(
    scripted: ScriptedServer, client_of: ClientFactory
) -> None:
    """A server that echoes the request's headers must not get the token into a message."""
    scripted.replies[INFO] = http_reply(body={"seen": f"Authorization: Bearer {scripted.token}"})
    with pytest.raises(EngeeError) as caught:
        await client_of(scripted).status()
    assert_hidden([scripted.token], caught.value)


async def test_a_refused_token_is_not_quoted(local_engee: LocalEngee, client_of: ClientFactory) -> None:
    token = secrets.token_urlsafe()
    with pytest.raises(TokenRejectedError) as caught:
        await client_of(local_engee, token).status()
    assert_hidden([token], caught.value)


@pytest.mark.parametrize("joint", [" ", "✓", "\n"])
def test_a_token_that_can_be_none_is_not_quoted(joint: str) -> None:
    token = joint.join((secrets.token_urlsafe(), secrets.token_urlsafe()))
    with pytest.raises(SettingError) as caught:
        EngeeClient("https://engee.com", token)
    assert_hidden([token], caught.value)
