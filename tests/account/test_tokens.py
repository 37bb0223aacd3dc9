"""Which token a client uses, and how it is kept fresh: the real provider against the local Engee."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import httpx
import keyring
import pytest
from keyring.backends.null import Keyring
from person import HERE, LIMIT_S, Profile, address_in, click, oauth_variables

from engee_kernel.account import tokens
from engee_kernel.account.oauth import OAuthClient, stored
from engee_kernel.account.store import StoredToken, TokenStore
from engee_kernel.account.tokens import RENEWED_BOUND_S, AccountTokens
from engee_kernel.api.client import EngeeClient
from engee_kernel.api.credentials import Secret, origin
from engee_kernel.api.wire import TokenGrant
from engee_kernel.emulator.process import LocalEngee
from engee_kernel.facts.errors import MissingTokenError, TokenRejectedError, TokenTooYoungError, UnreachableError

TOKEN_CALL = "/account/api/oauth2/token"


class Person:
    """A store of the test's own, and clients that use it."""

    def __init__(self, folder: Path, engee: LocalEngee) -> None:
        self.engee = engee
        self.store = TokenStore(folder)
        self.told: list[str] = []

    def tokens(self, setting: str = "", url: str = "") -> AccountTokens:
        return tokens.of_machine(
            url or self.engee.url, setting=Secret(setting), store=TokenStore(self.store.folder), tell=self.told.append
        )

    def client(self, setting: str = "") -> EngeeClient:
        return EngeeClient(self.engee.url, self.tokens(setting))

    def keep(self, token: StoredToken) -> None:
        self.store.save(origin(self.engee.url), token)

    def kept(self) -> StoredToken:
        ((_, token),) = self.store.read(origin(self.engee.url))
        return token

    def oauth_login(self) -> None:
        """What `login --oauth` stores: a grant of the local Engee."""
        engee = self.engee
        refresh = engee.make_token(kind="refresh")["token"]
        form = {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": engee.client_id}
        reply = httpx.post(
            engee.url + TOKEN_CALL, data=form | {"client_secret": engee.client_secret}, trust_env=False
        ).json()
        grant = TokenGrant(reply["access_token"], reply["refresh_token"], float(reply["expires_in"]))
        self.keep(stored(grant, OAuthClient(engee.client_id, Secret(engee.client_secret)), None))

    def refreshes(self) -> int:
        """Since the login."""
        return sum(call["path"] == TOKEN_CALL for call in self.engee.requests()) - 1


@pytest.fixture
def person(tmp_path: Path, local_engee: LocalEngee, monkeypatch: pytest.MonkeyPatch) -> Person:
    monkeypatch.delenv("ENGEE_TOKEN", raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    keyring.set_keyring(Keyring())
    return Person(tmp_path / "data", local_engee)


async def test_sources_have_an_order(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingTokenError, match="%login"):
        await person.tokens().token()
    person.keep(StoredToken("pat", Secret("stored")))
    assert (await person.tokens().token()).reveal() == "stored"
    monkeypatch.setenv("ENGEE_TOKEN", "variable")
    assert (await person.tokens().find()) == ("ENGEE_TOKEN", Secret("variable"))
    assert (await person.tokens("setting").find()) == ("the setting “token”", Secret("setting"))
    assert "variable" not in repr(person.tokens("setting")) + repr(person.client())


@pytest.mark.parametrize("stale", ["setting", "variable", "both"])
async def test_a_stale_token_does_not_shadow_a_good_one(
    person: Person, monkeypatch: pytest.MonkeyPatch, stale: str
) -> None:
    person.keep(StoredToken("pat", Secret(person.engee.token)))
    if stale != "setting":
        monkeypatch.setenv("ENGEE_TOKEN", "stale-variable")
    async with person.client("stale-setting" if stale != "variable" else "") as client:
        assert (await client.status()).username == "demo"
        assert await client.eval("1 + 1") == "2"
    assert len(person.told) == (2 if stale == "both" else 1), "told once for each"
    assert "Engee refused the token from" in person.told[0]
    assert "stale-" not in "".join(person.told)


async def test_where_all_are_refused_the_first_one_is_explained(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.keep(StoredToken("pat", Secret("stale-stored")))
    monkeypatch.setenv("ENGEE_TOKEN", "stale-variable")
    async with person.client() as client:
        for _ in range(2):
            with pytest.raises(TokenRejectedError) as caught:
                await client.status()
    assert "stale-" not in str(caught.value)
    assert len(person.engee.requests()) == 4, "each source once, no more"


async def test_a_young_token_is_recognised_whichever_the_status(person: Person) -> None:
    young = person.engee.make_token()["token"]
    person.keep(StoredToken("pat", Secret("stale-stored")))
    for status in (401, 403):
        person.engee.configure(young_token_status=status)
        async with person.client(young) as client:
            with pytest.raises(TokenTooYoungError, match="%engee restart"):
                await client.eval("1")


async def test_an_expired_token_without_refresh_is_skipped(person: Person) -> None:
    person.keep(StoredToken("oauth", Secret("expired"), expires_at=time.time() - 5, life_s=600))
    with pytest.raises(MissingTokenError):
        await person.tokens().token()
    assert person.engee.requests() == [], "nothing was sent"


async def test_a_login_elsewhere_is_noticed(person: Person) -> None:
    person.keep(StoredToken("pat", Secret("stale-stored")))
    async with person.client() as client:
        with pytest.raises(TokenRejectedError):
            await client.status()
        person.keep(StoredToken("pat", Secret(person.engee.token)))
        assert (await client.status()).username == "demo"


# OAuth


async def test_tokens_are_refreshed_ahead_of_their_end(person: Person) -> None:
    person.engee.configure(access_token_life_s=2)
    person.oauth_login()
    first = person.kept()
    async with person.client() as client:
        ends = time.monotonic() + 5
        while time.monotonic() < ends:
            assert await client.eval("1 + 1") == "2"
            await asyncio.sleep(0.1)
    assert person.kept().access != first.access
    assert person.refreshes() >= 2
    assert not [call for call in person.engee.requests() if call["status"] == 401], "it was refreshed too late"


@pytest.mark.parametrize("rotate", [True, False])
async def test_a_401_refreshes_once(person: Person, rotate: bool) -> None:
    person.engee.configure(rotate_refresh_tokens=rotate)
    person.oauth_login()
    first = person.kept()
    async with person.client() as client:
        assert (await client.status()).running
        person.engee.end_token(first.access.reveal(), "revoke")
        assert await asyncio.gather(*(client.eval(f"{n} + 0") for n in range(6))) == [str(n) for n in range(6)]
        assert person.refreshes() == 1
        await asyncio.sleep(RENEWED_BOUND_S)
        person.engee.end_token(person.kept().access.reveal(), "revoke")
        assert await client.eval("7") == "7"
    assert person.refreshes() == 2
    assert (person.kept().refresh != first.refresh) is rotate


async def test_a_refused_refresh_gives_way_and_says_how_to_log_in(person: Person) -> None:
    person.engee.configure(access_token_life_s=1)
    person.oauth_login()
    refresh = person.kept().refresh
    assert refresh is not None
    person.engee.end_token(refresh.reveal(), "revoke")
    await asyncio.sleep(1.2)
    async with person.client() as client:
        with pytest.raises(TokenRejectedError, match="login --oauth"):
            await client.status()
    async with person.client(person.engee.token) as client:
        assert (await client.status()).running


async def test_a_token_that_is_good_yet_outlives_a_refresh_that_fails(person: Person) -> None:
    person.engee.configure(access_token_life_s=600)
    person.oauth_login()
    kept = person.kept()
    # the last fifth of its life has begun
    person.keep(StoredToken("oauth", kept.access, kept.refresh, time.time() + 30, 600, "", kept.client_id))
    person.engee.faults({"kind": "status", "path": TOKEN_CALL, "status": 503})
    async with person.client() as client:
        assert await client.eval("1") == "1"
        assert await client.eval("2") == "2"


async def test_an_engee_that_is_away_is_no_reason_to_log_in_anew(person: Person) -> None:
    person.oauth_login()
    kept = person.kept()
    nowhere = "http://127.0.0.1:9"
    person.store.save(
        origin(nowhere),
        StoredToken("oauth", kept.access, kept.refresh, time.time() - 1, 600, "", kept.client_id, kept.client_secret),
    )
    with pytest.raises(UnreachableError):
        await person.tokens(url=nowhere).token()


WORKER = """
import asyncio, sys, time
from engee_kernel.account import tokens
from engee_kernel.api.client import EngeeClient

async def main(url, ends):
    async with EngeeClient(url, tokens.of_machine(url, tell=lambda text: sys.exit(text))) as client:
        calls = 0
        while time.time() < ends:
            assert await client.eval("1 + 1") == "2"
            calls += 1
            await asyncio.sleep(0.05)
        print(calls)

asyncio.run(main(sys.argv[1], float(sys.argv[2])))
"""


@pytest.mark.slow
@pytest.mark.parametrize("rotate", [True, False])
def test_eight_processes_refresh_once_between_them(profile: Profile, person: Person, rotate: bool) -> None:
    engee = person.engee
    engee.configure(access_token_life_s=6, rotate_refresh_tokens=rotate)
    person.oauth_login()
    kept = person.kept()
    # the tokens are about to end when the processes begin
    over = StoredToken(
        "oauth", kept.access, kept.refresh, time.time(), kept.life_s, "", kept.client_id, kept.client_secret
    )
    profile.environment["ENGEE_DATA_FOLDER"] = str(person.store.folder)
    person.keep(over)
    ends = str(time.time() + 14)
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, engee.url, ends],
            env=profile.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="backslashreplace",
        )
        for _ in range(8)
    ]
    said = [worker.communicate(timeout=LIMIT_S) for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 8, said
    assert all(int(out) > 0 for out, _ in said)
    # one refresh at the start, then one for each life of some 4.8 s: not eight times as many
    calls = [call for call in engee.requests() if call["path"] == TOKEN_CALL][1:]
    assert 2 <= len(calls) <= 4, calls
    assert {call["status"] for call in calls} == {200}


async def test_tokens_of_seconds_last_through_a_long_cell(
    profile: Profile, person: Person, local_engee: LocalEngee
) -> None:
    local_engee.configure(access_token_life_s=2, rotate_refresh_tokens=True)
    person.oauth_login()
    profile.environment["ENGEE_DATA_FOLDER"] = str(person.store.folder)
    profile.environment["ENGEE_URL"] = local_engee.url
    program = f"""
import asyncio
from engee_kernel.account import tokens
from engee_kernel.cells.cell import Cell
from engee_kernel.api.client import EngeeClient
from engee_kernel.facts.events import Stream
from engee_kernel.cells.options import Options
from engee_kernel.cells.session import Session
from engee_kernel.jobs import running

class Screen:
    async def publish(self, event):
        if isinstance(event, Stream):
            print(event.text, end="")
    async def ask(self, prompt): ...
    def condition(self, text): ...
    def notice(self, text):
        print("notice:", text)

async def main():
    url = "{local_engee.url}"
    async with EngeeClient(url, tokens.of_machine(url, tell=print)) as client:
        session = Session(client, Options(handoff_after_s=1.0), tell=print)
        await running.run(session, Cell("for i in 1:8; println(i); sleep(1); end", 1), Screen())
        await session.detach()

asyncio.run(main())
"""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program],
        env=profile.environment | {"PYTHONPATH": str(HERE)},
        capture_output=True,
        timeout=LIMIT_S,
        encoding="utf-8",
        errors="backslashreplace",
        check=False,
    )
    assert done.stdout.split() == [str(n) for n in range(1, 9)], done.stderr
    assert person.refreshes() >= 3


def test_a_login_by_browser_is_refreshed_by_others_without_the_client_id(
    profile: Profile, local_engee: LocalEngee
) -> None:
    local_engee.configure(access_token_life_s=1)
    profile.at(local_engee)
    process = profile.begin("login", "--oauth", "--no-browser", **oauth_variables(local_engee))
    click(address_in(process))
    process.communicate(timeout=LIMIT_S)
    time.sleep(1.2)
    assert profile.run("status").returncode == 0


async def test_a_refreshed_token_that_is_refused_too_is_not_refreshed_for_ever(person: Person) -> None:
    person.oauth_login()
    person.engee.faults({"kind": "status", "path": "/account/api/engee/info", "status": 401})
    async with person.client() as client:
        with pytest.raises(TokenRejectedError):
            await client.status()
    assert person.refreshes() == 1
