"""Each class of failure: which error it becomes, what it says to do, and what is repeated and what never."""

from __future__ import annotations

import asyncio
import socket
import time
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
from client_kinds import ClientFactory, LocalEngeeFactory
from scripted_server import INFO, ScriptedServer, http_reply

from engee_kernel.api.client import EngeeClient
from engee_kernel.emulator.process import LocalEngee
from engee_kernel.facts.errors import (
    EngeeError,
    GatewayError,
    NetworkError,
    RateLimitedError,
    ReplyLostError,
    ServerNotRunningError,
    SettingError,
    TokenRejectedError,
    TokenTooYoungError,
    UnexpectedReplyError,
    UnreachableError,
)

EVAL = "command/eval"
CREATE = "jobs/create"
COUNT = "global runs = (@isdefined(runs) ? runs : 0) + 1"


def calls(engee: LocalEngee, path: str) -> int:
    return len([call for call in engee.requests() if path in call["path"]])


@pytest.fixture
async def counting(client: EngeeClient, local_engee: LocalEngee) -> AsyncIterator[EngeeClient]:
    """The client of a session whose variable `runs` is 0; the log is empty."""
    await client.eval("runs = 0")
    local_engee.reset()
    yield client


async def runs(client: EngeeClient) -> int:
    return int(await client.eval("runs", repeatable=True))


async def until(client: EngeeClient, state: str) -> None:
    deadline = time.monotonic() + 60
    while (await client.status()).status != state:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is bound and not listened on, so that nobody else gets it."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


# Tokens


async def test_a_wrong_token(local_engee: LocalEngee, client_of: ClientFactory) -> None:
    client = client_of(local_engee, "mistyped-token")
    for call in (client.status(), client.eval("1"), client.jobs(), client.start(), client.stop()):
        with pytest.raises(TokenRejectedError) as caught:
            await asyncio.wait_for(call, 5)
        assert type(caught.value) is TokenRejectedError
        assert caught.value.status == 401
        assert "does not accept the token" in caught.value.message
        assert "personal account" in caught.value.hint and "login" in caught.value.hint


@pytest.mark.parametrize("end", ["expire", "revoke"])
async def test_a_token_that_ended(local_engee: LocalEngee, client_of: ClientFactory, end: str) -> None:
    token = str(local_engee.make_token(kind="access")["token"])
    client = client_of(local_engee, token)
    assert await client.eval("1") == "1"
    local_engee.end_token(token, end)
    with pytest.raises(TokenRejectedError, match="does not accept the token") as caught:
        await client.eval("1")
    assert "expired" in caught.value.hint


@pytest.mark.parametrize("young_token_status", [401, 403])
async def test_a_token_younger_than_the_server(
    local_engee_factory: LocalEngeeFactory, client_of: ClientFactory, young_token_status: int
) -> None:
    engee = local_engee_factory(young_token_status=young_token_status)
    client = client_of(engee, str(engee.make_token(kind="pat")["token"]))
    assert (await client.status()).running
    calls_below_the_prefix = [client.eval("1"), client.create_job("1"), client.jobs(), client.upload([])]
    for call in calls_below_the_prefix:
        with pytest.raises(TokenTooYoungError) as caught:
            await asyncio.wait_for(call, 5)
        assert "made after the server was started" in caught.value.message
        assert "Restart" in caught.value.hint and "variables are lost" in caught.value.hint
    with pytest.raises(TokenTooYoungError):
        async with client.download(["/user/x"]):
            pass
    await client.stop()
    await until(client, "stopped")
    await client.start()
    await until(client, "running")
    assert await client.eval("1 + 1") == "2"


# The network


async def test_an_address_where_nobody_listens(closed_port: int) -> None:
    async with EngeeClient(f"http://127.0.0.1:{closed_port}", "some-token", retry_bound_s=0.5) as client:
        for call in (client.status(), client.eval("1"), client.create_job("1")):
            with pytest.raises(UnreachableError) as caught:
                await asyncio.wait_for(call, 10)
            assert "can't be reached" in caught.value.message
            assert "address" in caught.value.hint and not caught.value.may_have_run


async def test_a_name_that_does_not_exist() -> None:
    async with EngeeClient("https://engee.invalid", "some-token", retry_bound_s=0) as client:
        with pytest.raises(UnreachableError) as caught:
            await asyncio.wait_for(client.status(), 30)
    assert "some-token" not in str(caught.value)


async def test_https_where_http_is_spoken(local_engee: LocalEngee) -> None:
    async with EngeeClient(local_engee.url.replace("http:", "https:"), "some-token", retry_bound_s=0) as client:
        with pytest.raises(NetworkError):
            await asyncio.wait_for(client.status(), 10)


@pytest.mark.slow
async def test_a_server_that_never_answers(client_of: ClientFactory) -> None:
    gone: asyncio.Event = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with EngeeClient(url, "some-token", retry_bound_s=0) as client:
            began = time.monotonic()
            with pytest.raises(ReplyLostError) as caught:
                await asyncio.wait_for(client.status(), 40)
            assert caught.value.timed_out and time.monotonic() - began < 20
        gone.set()


# What is repeated, and what never


@pytest.mark.parametrize(
    ("fault", "ran"),
    [
        ({"kind": "drop_before"}, 0),
        ({"kind": "drop_after"}, 1),
        ({"kind": "drop_body"}, 1),
    ],
)
async def test_an_eval_whose_reply_was_lost_is_not_sent_again(
    counting: EngeeClient, local_engee: LocalEngee, fault: dict[str, object], ran: int
) -> None:
    local_engee.faults({**fault, "path": EVAL, "count": 1})
    with pytest.raises(ReplyLostError) as caught:
        await counting.eval(COUNT)
    assert caught.value.may_have_run and not caught.value.timed_out
    assert "connection broke" in caught.value.message
    assert calls(local_engee, EVAL) == 1
    assert await runs(counting) == ran


@pytest.mark.parametrize("status", [502, 503, 504])
@pytest.mark.parametrize("ran", [False, True])
async def test_an_eval_answered_by_a_gateway_is_not_sent_again(
    counting: EngeeClient, local_engee: LocalEngee, status: int, ran: bool
) -> None:
    local_engee.faults({"kind": "status", "status": status, "ran": ran, "path": EVAL, "count": 1})
    with pytest.raises(GatewayError) as caught:
        await counting.eval(COUNT)
    assert caught.value.status == status and caught.value.may_have_run
    assert "gateway" in caught.value.message and "<" not in caught.value.message
    assert calls(local_engee, EVAL) == 1
    assert await runs(counting) == ran


async def test_an_eval_that_outlives_the_proxy_goes_on(counting: EngeeClient, local_engee: LocalEngee) -> None:
    local_engee.configure(eval_limit_s=0.3)
    with pytest.raises(GatewayError) as caught:
        await counting.eval(f"sleep(1); {COUNT}")
    assert caught.value.timed_out and caught.value.status == 504
    local_engee.configure(eval_limit_s=None)
    await asyncio.sleep(1.5)
    assert await runs(counting) == 1
    assert calls(local_engee, EVAL) == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_before"},
        {"kind": "drop_after"},
        {"kind": "drop_body"},
        {"kind": "status", "status": 502},
        {"kind": "status", "status": 503, "ran": True},
        {"kind": "status", "status": 504, "ran": True},
        {"kind": "status", "status": 429},
        {"kind": "proxy_timeout", "delay_s": 0.2},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
async def test_a_repeatable_eval_comes_through(
    counting: EngeeClient, local_engee: LocalEngee, fault: dict[str, object]
) -> None:
    local_engee.faults({**fault, "path": EVAL, "count": 2})
    code = "sleep(0.5); 6 * 7" if fault["kind"] == "proxy_timeout" else "6 * 7"
    assert await counting.eval(code, repeatable=True) == "42"
    assert calls(local_engee, EVAL) == 3


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_before"},
        {"kind": "drop_after"},
        {"kind": "drop_body"},
        {"kind": "status", "status": 502},
        {"kind": "status", "status": 504, "ran": True},
        {"kind": "status", "status": 429, "retry_after_s": 0},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
async def test_a_job_is_one_job_however_often_it_is_created(
    counting: EngeeClient, local_engee: LocalEngee, fault: dict[str, object]
) -> None:
    local_engee.faults({**fault, "path": CREATE, "count": 2})
    job_id = await counting.create_job(COUNT, job_id=str(uuid.uuid4()))
    deadline = time.monotonic() + 30
    while not (await counting.job(job_id)).done:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    assert calls(local_engee, CREATE) == 3
    assert [job.job_id for job in await counting.jobs()] == [job_id]
    assert await runs(counting) == 1


@pytest.mark.parametrize("path", ["engee/info", "jobs/list"])
async def test_reading_is_repeated(counting: EngeeClient, local_engee: LocalEngee, path: str) -> None:
    told: list[tuple[EngeeError, float]] = []
    counting.on_retry = lambda error, wait_s: told.append((error, wait_s))
    local_engee.faults(
        {"kind": "drop_before", "path": path, "count": 1}, {"kind": "status", "status": 502, "path": path, "count": 2}
    )
    await (counting.status() if path == "engee/info" else counting.jobs())
    assert len(told) >= 2


async def test_random_faults_on_every_call(counting: EngeeClient, local_engee: LocalEngee) -> None:
    seed = 20250601
    kinds = ("drop_before", "drop_after", "drop_body")
    local_engee.faults(*[{"kind": kind, "path": "external", "probability": 0.12} for kind in kinds], seed=seed)
    ids = [await counting.create_job(f"global total{number} = {number}; {COUNT}") for number in range(30)]
    local_engee.faults()
    assert len(set(ids)) == 30
    deadline = time.monotonic() + 60
    while not all(job.done for job in await counting.jobs()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert {job.job_id for job in await counting.jobs()} == set(ids), f"seed {seed}"
    assert await runs(counting) == 30, f"seed {seed}"


# Rate limits


@pytest.mark.parametrize("as_date", [False, True])
async def test_retry_after_is_obeyed(counting: EngeeClient, local_engee: LocalEngee, as_date: bool) -> None:
    wished_s = 3 if as_date else 1  # a date has whole seconds: up to one is lost on the way
    local_engee.faults(
        {
            "kind": "status",
            "status": 429,
            "retry_after_s": wished_s,
            "retry_after_date": as_date,
            "path": EVAL,
            "count": 1,
        }
    )
    began = time.monotonic()
    assert await counting.eval(COUNT) == "1"
    assert time.monotonic() - began >= (1.9 if as_date else 1.0)
    assert calls(local_engee, EVAL) == 2


async def test_a_long_retry_after_is_told_instead_of_waited_for(counting: EngeeClient, local_engee: LocalEngee) -> None:
    local_engee.faults({"kind": "status", "status": 429, "retry_after_s": 60, "path": EVAL})
    began = time.monotonic()
    with pytest.raises(RateLimitedError) as caught:
        await counting.eval("1")
    assert time.monotonic() - began < 5
    assert caught.value.retry_after_s == 60 and "60 s" in caught.value.hint
    assert calls(local_engee, EVAL) == 1


async def test_retry_after_of_a_gateway(counting: EngeeClient, local_engee: LocalEngee) -> None:
    local_engee.faults({"kind": "status", "status": 503, "retry_after_s": 1, "path": "jobs/list", "count": 1})
    began = time.monotonic()
    await counting.jobs()
    assert time.monotonic() - began >= 1.0


# Replies of another kind


async def test_a_login_page(client_of: ClientFactory, local_engee: LocalEngee) -> None:
    client = client_of(local_engee, retry_bound_s=0.5)
    await client.status()
    local_engee.faults({"kind": "not_json", "path": "external"})
    for call in (client.eval("1"), client.job("x"), client.jobs()):
        with pytest.raises(GatewayError) as caught:
            await asyncio.wait_for(call, 5)
        assert "with a page" in caught.value.message and "sign in" in caught.value.message.lower()
    local_engee.faults({"kind": "not_json", "path": "engee/info"})
    with pytest.raises(GatewayError, match="with a page"):
        await client.status()


async def test_a_status_without_an_address(scripted: ScriptedServer, client_of: ClientFactory) -> None:
    scripted.replies[INFO] = http_reply(body={"serverStatus": "stopped", "url": None})
    with pytest.raises(ServerNotRunningError, match="stopped"):
        await client_of(scripted).eval("1")
    assert len(scripted.requests) == 1


async def test_a_look_at_the_state_that_fails_is_not_shared(scripted: ScriptedServer, client_of: ClientFactory) -> None:
    good = scripted.replies[INFO]
    assert isinstance(good, bytes)
    scripted.replies[INFO] = [http_reply(502, b"<html>Bad gateway</html>"), good]
    scripted.replies["/prefix/external/command/eval"] = http_reply(body={"result": "8"})
    client = client_of(scripted, retry_bound_s=0.0)
    failed, value = await asyncio.gather(client.status(), client.eval("3 + 5"), return_exceptions=True)
    assert isinstance(failed, GatewayError) and value == "8"
    assert len(scripted.calls(INFO)) == 2


async def test_a_relative_address_is_taken_from_the_management_origin(
    scripted: ScriptedServer, client_of: ClientFactory
) -> None:
    scripted.replies[INFO] = http_reply(body={"serverStatus": "running", "url": "/prod/user/l-a"})
    scripted.replies["/prod/user/l-a/external/command/eval"] = http_reply(body={"result": "8"})
    assert await client_of(scripted).eval("3 + 5") == "8"


async def test_a_moved_prefix_is_found_again(scripted: ScriptedServer, client_of: ClientFactory) -> None:
    moved = http_reply(body={"serverStatus": "running", "url": f"{scripted.url}/second/"})
    scripted.replies["/second/external/command/eval"] = http_reply(body={"result": "8"})
    client = client_of(scripted)
    await client.status()
    scripted.replies[INFO] = moved
    await client.status()
    assert await client.eval("3 + 5") == "8"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(scripted: ScriptedServer, client_of: ClientFactory, status: int) -> None:
    scripted.replies[INFO] = http_reply(status, Location=f"{scripted.url}/login")
    with pytest.raises(UnexpectedReplyError, match="redirected") as caught:
        await client_of(scripted).status()
    assert "ENGEE_URL" in caught.value.hint
    assert len(scripted.requests) == 1


async def test_a_reply_cut_in_its_head(scripted: ScriptedServer, client_of: ClientFactory) -> None:
    scripted.replies["/prefix/external/command/eval"] = b"HTTP/1.1 200 OK\r\nContent-Ty"
    with pytest.raises(ReplyLostError):
        await client_of(scripted).eval("1")
    assert len(scripted.calls("/prefix/external/command/eval")) == 1


async def test_what_is_no_http(scripted: ScriptedServer, client_of: ClientFactory) -> None:
    scripted.replies["/prefix/external/command/eval"] = b"SSH-2.0-OpenSSH_9.2\r\n\r\n"
    with pytest.raises(ReplyLostError):
        await client_of(scripted).eval("1")


async def test_a_broken_encoding(scripted: ScriptedServer, client_of: ClientFactory) -> None:
    scripted.replies["/prefix/external/command/eval"] = http_reply(body=b"no gzip", Content_Encoding="gzip")
    with pytest.raises(NetworkError) as caught:
        await client_of(scripted).eval("1")
    assert caught.value.may_have_run, "the code was sent and most likely ran"
    assert len(scripted.calls("/prefix/external/command/eval")) == 1


@pytest.mark.parametrize("url", ["http://engee.com", "engee.com", "https://user:pw@engee.com", ""])
def test_addresses_that_would_expose_the_token(url: str) -> None:
    with pytest.raises(SettingError):
        EngeeClient(url, "some-token")


async def test_a_server_that_dies_while_code_runs_is_not_said_to_have_been_stopped_before(
    local_engee_factory: LocalEngeeFactory, client_of: ClientFactory
) -> None:
    engee = local_engee_factory()
    client = client_of(engee)
    engee.faults({"kind": "kill_julia", "path": EVAL, "delay_s": 0.5, "count": 1})
    with pytest.raises(EngeeError) as caught:
        await client.eval("sleep(30)")
    assert caught.value.may_have_run
    assert isinstance(caught.value, ServerNotRunningError)
    await asyncio.sleep(3.5)
    with pytest.raises(ServerNotRunningError) as later:
        await client.eval("1")
    assert not later.value.may_have_run
