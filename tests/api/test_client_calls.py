"""Each row of the contract over a real socket, with real Julia behind it: management, code, jobs."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from client_kinds import ClientFactory, LocalEngeeFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engee_kernel import agent
from engee_kernel.api.client import EngeeClient
from engee_kernel.api.wire import Job, ServerStatus
from engee_kernel.emulator.process import LocalEngee
from engee_kernel.facts.errors import (
    CodeError,
    JobExistsError,
    NotFoundError,
    ReplyLostError,
    ServerNotRunningError,
    TooLargeError,
)
from engee_kernel.facts.text import split_description, unquote_julia

WAIT_S = 60
INFO = "/account/api/engee/info"


async def done(client: EngeeClient, job_id: str) -> Job:
    deadline = time.monotonic() + WAIT_S
    while not (job := await client.job(job_id)).done:
        assert time.monotonic() < deadline, f"the job is not done after {WAIT_S} s"
        await asyncio.sleep(0.02)
    return job


async def until(client: EngeeClient, state: str) -> ServerStatus:
    deadline = time.monotonic() + WAIT_S
    while (status := await client.status()).status != state:
        assert time.monotonic() < deadline, f"the server is {status.status}, not {state}"
        await asyncio.sleep(0.02)
    return status


# Management


async def test_status_of_a_running_server(client: EngeeClient, local_engee: LocalEngee) -> None:
    status = await client.status()
    assert status.running and status.username == "demo" and status.url == local_engee.session_url
    assert status.started_at is not None and status.started_at.tzinfo is not None
    assert abs(datetime.now(timezone.utc) - status.started_at) < timedelta(hours=1)
    assert status.stopped_at is None and status.minimal_mode is False


async def test_who_needs_the_address_shares_a_question_for_the_state(
    client_of: ClientFactory, local_engee: LocalEngee
) -> None:
    def states() -> int:
        return len([call for call in local_engee.requests() if call["path"] == INFO])

    client, before = client_of(local_engee), states()
    status, *values = await asyncio.gather(client.status(), client.eval("1"), client.eval("2"))
    assert status.running and values == ["1", "2"]
    assert states() == before + 1
    assert (await client.status()).running and states() == before + 2, "a later question is asked anew"


async def test_the_life_of_a_server(local_engee_factory: LocalEngeeFactory, client_of: ClientFactory) -> None:
    engee = local_engee_factory(stopped=True, start_time=1.5, stop_time=1.5)
    client = client_of(engee)
    assert (await client.status()).status == "stopped"
    with pytest.raises(ServerNotRunningError) as stopped:
        await client.eval("1")
    assert stopped.value.server_status == "stopped" and "start" in stopped.value.hint.lower()

    assert await client.start() == engee.session_url
    starting = await client.status()
    assert starting.status == "starting" and starting.starting_at is not None and starting.started_at is None
    with pytest.raises(ServerNotRunningError) as early:
        await client.eval("1")
    assert early.value.server_status == "starting" and "Wait" in early.value.hint
    assert await client.start() == engee.session_url, "starting a server that starts changes nothing"

    running = await until(client, "running")
    assert running.starting_at == starting.starting_at and running.started_at is not None
    assert await client.eval("3 + 5") == "8"

    await client.stop()
    stopping = await client.status()
    assert stopping.status == "stopping" and stopping.stopping_at is not None
    with pytest.raises(ServerNotRunningError) as late:
        await client.job(str(uuid.uuid4()))
    assert late.value.server_status == "stopping"
    gone = await until(client, "stopped")
    assert gone.stopped_at is not None
    await client.stop()


@pytest.mark.parametrize("stopped_status", [404, 502, 503])
async def test_a_stopped_server_is_named_whatever_its_proxy_says(
    local_engee_factory: LocalEngeeFactory, client_of: ClientFactory, stopped_status: int
) -> None:
    client = client_of(local_engee_factory(stopped=True, stopped_status=stopped_status))
    for call in (client.eval("1"), client.create_job("1"), client.job("x"), client.jobs()):
        with pytest.raises(ServerNotRunningError, match="The Engee server is stopped"):
            await asyncio.wait_for(call, 5)


async def test_start_sends_a_body_only_with_a_timeout(
    local_engee_factory: LocalEngeeFactory, client_of: ClientFactory
) -> None:
    engee = local_engee_factory(stopped=True)
    client = client_of(engee)
    await client.status()
    await client.start(inactivity_timeout_s=1)
    assert (await until(client, "running")).inactivity_timeout == 1
    await until(client, "stopped")  # it stops itself
    await client.start()
    assert (await until(client, "running")).inactivity_timeout == 0
    with_body, without = (call for call in engee.requests() if call["path"].endswith("/start"))
    assert with_body["received_bytes"] > 0 and without["received_bytes"] == 0


# eval


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("3 + 5", "8"),
        ("x = 2\ny = x * 21\ny", "42"),
        ('"text"', "text"),
        ('"Привет, α 😀"', "Привет, α 😀"),
        ("[1, 2]", "[1, 2]"),
        ("true", "true"),
        ("1:3;", "1:3"),
        ("nothing", "nothing"),
        ("# only a comment", "nothing"),
        ("", "nothing"),
        ('using JSON\nJSON.json("a"=>1)', '{"a":1}'),
    ],
)
async def test_eval_values(client: EngeeClient, code: str, value: str) -> None:
    assert await client.eval(code) == value


@pytest.mark.parametrize(("switch", "value"), [("nothing", "nothing"), ("empty", ""), ("null", "")])
async def test_nothing_in_its_forms(client: EngeeClient, local_engee: LocalEngee, switch: str, value: str) -> None:
    local_engee.configure(nothing=switch)
    assert await client.eval("nothing") == value


async def test_a_large_value_arrives_whole(client: EngeeClient) -> None:
    text = await client.eval('join(1:200_000, ",")')
    assert text == ",".join(map(str, range(1, 200_001)))


async def test_code_over_the_servers_limit(client: EngeeClient, local_engee: LocalEngee) -> None:
    local_engee.configure(code_limit_bytes=1000)
    with pytest.raises(TooLargeError) as caught:
        await client.eval("#" * 1001)
    assert caught.value.status == 413 and not caught.value.may_have_run
    with pytest.raises(TooLargeError):
        await client.create_job("#" * 1001)
    assert await client.eval("1") == "1"


async def test_the_error_triple(client: EngeeClient) -> None:
    with pytest.raises(CodeError) as caught:
        await client.eval("f() = unexisting_variable\nf()")
    error = caught.value
    assert error.type == "UndefVarError"
    assert error.short_description == "UndefVarError(:unexisting_variable)"
    assert error.full_description.startswith("UndefVarError: unexisting_variable not defined\n")
    message, own, server = split_description(error.full_description)
    assert message == "UndefVarError: unexisting_variable not defined"
    assert "none:1" in own and "top-level scope at none:2" in own
    assert "request_pipeline" in server and "request_pipeline" not in own


@pytest.mark.parametrize(
    ("code", "type_name"),
    [
        ('error("b$(1+1)")', "ErrorException"),
        ("sqrt(-1)", "DomainError"),
        ("1 +", "ErrorException"),
        ("[1][2]", "BoundsError"),
    ],
)
async def test_errors_of_code(client: EngeeClient, code: str, type_name: str) -> None:
    with pytest.raises(CodeError) as caught:
        await client.eval(code)
    assert caught.value.type == type_name
    assert caught.value.message


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=10))
async def test_text_crosses_to_julia_and_back(local_engee: LocalEngee, texts: list[str]) -> None:
    """Julia writes the strings, quoted as it does itself: what we read is what we sent."""
    async with EngeeClient(local_engee.url, local_engee.token) as client:
        written = await client.eval(f'join(map(repr, {agent.literal(texts)}), "\\x00")')
        assert [unquote_julia(text) for text in written.split("\0")] == texts
        assert await client.eval(agent.literal(texts[0])) == texts[0]


async def test_quoted_strings(client: EngeeClient, local_engee: LocalEngee) -> None:
    local_engee.configure(strings="quoted")
    assert unquote_julia(await client.eval('"a\\"b\\$c\\\\ α\\n"')) == 'a"b$c\\ α\n'


async def test_the_time_limit_is_the_callers(client: EngeeClient) -> None:
    began = time.monotonic()
    with pytest.raises(ReplyLostError) as caught:
        await client.eval("sleep(2)", timeout_s=0.5)
    assert caught.value.timed_out and caught.value.may_have_run
    assert time.monotonic() - began < 1.8
    await asyncio.sleep(2)


async def test_one_client_on_two_loops(local_engee: LocalEngee) -> None:
    client = EngeeClient(local_engee.url, local_engee.token)

    async def twice() -> list[str]:
        try:
            return await asyncio.gather(client.eval("1 + 1"), client.eval("2 + 2"))
        finally:
            await client.close()

    here = await twice()
    there = await asyncio.wait_for(asyncio.to_thread(asyncio.run, twice()), WAIT_S)
    assert here == there == ["2", "4"]


# Jobs


async def test_a_job_from_start_to_end(client: EngeeClient) -> None:
    job_id = await client.create_job("sleep(0.3); 5 * 2", name="Мой расчет")
    assert uuid.UUID(job_id)
    job = await client.job(job_id)
    assert job.status == "IN_PROGRESS" and job.end_time is None and job.text is None and job.error is None
    job = await done(client, job_id)
    assert (job.name, job.text, job.error) == ("Мой расчет", "10", None)
    assert job.start_time is not None and job.end_time is not None and job.start_time <= job.end_time
    assert [one.job_id for one in await client.jobs()] == [job_id]


async def test_a_job_that_raises(client: EngeeClient) -> None:
    job = await done(client, await client.create_job("some_variable"))
    assert job.text is None and job.error is not None
    assert job.error.type == "UndefVarError" and "Stacktrace" in job.error.full_description


async def test_an_id_makes_one_job(client: EngeeClient) -> None:
    job_id = str(uuid.uuid4())
    await client.eval("created = 0")
    assert await client.create_job("global created += 1", job_id=job_id) == job_id
    with pytest.raises(JobExistsError) as caught:
        await client.create_job("global created += 1", job_id=job_id)
    assert caught.value.status == 409
    await done(client, job_id)
    assert await client.eval("created") == "1"
    assert len(await client.jobs()) == 1


async def test_an_unknown_job(client: EngeeClient) -> None:
    with pytest.raises(NotFoundError, match="knows no job") as caught:
        await client.job(str(uuid.uuid4()))
    assert caught.value.status == 404


async def test_no_jobs(client: EngeeClient) -> None:
    assert await client.jobs() == []


@pytest.mark.parametrize("jobs", ["same-process", "own-process"])
async def test_where_jobs_run(client: EngeeClient, local_engee: LocalEngee, jobs: str) -> None:
    local_engee.configure(jobs=jobs)
    await client.eval("shared_value = 7")
    job = await done(client, await client.create_job("isdefined(Main, :shared_value)"))
    assert job.text == ("true" if jobs == "same-process" else "false")


async def test_jobs_are_json_whatever_they_print(client: EngeeClient) -> None:
    job = await done(client, await client.create_job('using JSON; JSON.json("α\\n😀\\"" => [1])'))
    assert json.loads(job.text or "") == {'α\n😀"': [1]}
