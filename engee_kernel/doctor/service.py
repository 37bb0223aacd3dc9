"""Engee itself: token, account, server, code, agent, jobs. Starts nothing unless it is told to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from .. import agent
from ..account.tokens import AccountTokens
from ..api.client import EngeeClient
from ..cells.remote import Remote
from ..facts.errors import EngeeError, TokenTooYoungError
from ..facts.text import duration, size
from ..server import lifecycle, overview
from ..server.lifecycle import time_left
from .findings import Finding, fail, failed, ok, skip, warn

JOB_BOUND_S = 30.0
JOB_POLL_S = 0.3
EVAL_BOUND_S = 30.0
CODE_CHECKS = ("eval", "agent", "image", "jobs")


async def check(
    url: str, tokens: AccountTokens, *, start: bool, start_bound_s: float, progress: Callable[[str], None]
) -> AsyncIterator[Finding]:
    try:
        source, _ = await tokens.find()
        yield ok("token", f"from {source}")
    except EngeeError as error:
        yield failed("token", error)
        for name in ("account", "server", *CODE_CHECKS):
            yield skip(name, "there is no token")
        return
    async with EngeeClient(url, tokens, retry_bound_s=5.0) as client:
        try:
            status = await client.status()
            yield ok("account", f"Engee knows the token: {status.username or 'it names no user'}")
            if start and status.down:
                status, _ = await lifecycle.start(client, bound_s=start_bound_s, progress=progress)
        except EngeeError as error:
            yield failed("account", error)
            for name in ("server", *CODE_CHECKS):
                yield skip(name, "Engee's management does not answer as it should")
            return
        if status.down:
            yield warn("server", status.sentence, "A cell starts it; engee-kernel start, too.")
            for name in CODE_CHECKS:
                yield skip(name, "needs a running server; “engee-kernel doctor --start” starts it")
            return
        if status.running:
            yield ok("server", f"running; stops itself: {overview.describe_time_left(time_left(status))}")
        else:
            yield warn("server", status.sentence, "What follows shows whether code runs there.")
        for name, work in zip(CODE_CHECKS, (_eval, _agent, _image, _jobs), strict=True):
            finding = await _tried(name, work, client)
            yield finding
            if name == "eval" and finding.level == "fail":
                for rest in CODE_CHECKS[1:]:
                    yield skip(rest, "code can't be run")
                return


async def _tried(name: str, work: Callable[[EngeeClient], Awaitable[Finding]], client: EngeeClient) -> Finding:
    try:
        return await work(client)
    except TokenTooYoungError as error:
        return fail(name, error.message, "Restart the server: engee-kernel stop, then engee-kernel start")
    except EngeeError as error:
        return failed(name, error)


async def _eval(client: EngeeClient) -> Finding:
    began = time.monotonic()
    text = await client.eval("21 * 2", timeout_s=EVAL_BOUND_S, repeatable=True)
    if text.strip('"') != "42":
        return fail("eval", f"21 * 2 is “{text[:80]}” there.", "Check that the address is Engee's own.")
    return ok("eval", f"Julia answers in {duration(time.monotonic() - began)}")


async def _agent(client: EngeeClient) -> Finding:
    remote = Remote(client, poll_wait_s=5.0)
    try:
        await remote.ensure()
        await remote.learn_whether_parallel()
    except EngeeError as error:
        return warn(
            "agent",
            f"The agent can't be used: {error.message}",
            "Cells run in plain mode: output comes when a cell has ended, without plots, Tab and interrupts.",
        )
    how = "side by side" if remote.parallel else "one after the other"
    return ok("agent", f"installed, Julia {remote.hello.get('julia', '?')}; requests are answered {how}")


_IMAGE_STATES = {
    "building": "Engee is compiling the agent",
    "none": "none; made while nothing runs, after the first cell",
    "later": "none; made while nothing runs, after the first cell",
}


async def _image(client: EngeeClient) -> Finding:
    """Whether the agent lies compiled on the person's disk."""
    remote = Remote(client, poll_wait_s=5.0)
    try:
        await remote.ensure()
    except EngeeError:
        return skip("image", "needs the agent")
    julia = str(remote.hello.get("julia", "?"))
    if not agent.image.is_possible(julia):
        return ok("image", f"none: Julia {julia} runs the agent from its source; only 1.11 and 1.12 keep it compiled")
    answer = await remote.call("image_state", *agent.image_place())
    state, folder = answer["state"], answer["folder"]
    if state == "impossible":
        return ok("image", f"none: this Julia {julia} keeps no compiled code below /user")
    if state == "failed":
        return warn(
            "image",
            f"Julia {julia} could not compile the agent; {folder}.failed says why. It starts from its source.",
            "To have it tried again, delete that file.",
        )
    if state in _IMAGE_STATES:
        return ok("image", f"{_IMAGE_STATES[state]} (Julia {julia}, {folder})")
    used = "in use" if state == "used" else "for the next start"
    return ok("image", f"{used}: {folder}, {size(answer['bytes'])}, Julia {julia}")


async def _jobs(client: EngeeClient) -> Finding:
    began = time.monotonic()
    job_id = await client.create_job("21 * 2", name="engee-kernel doctor")
    while True:
        job = await client.job(job_id)
        if job.done:
            break
        if time.monotonic() - began > JOB_BOUND_S:
            return warn(
                "jobs", f"A small job is not done after {duration(JOB_BOUND_S)}.", "Another job may be running: %jobs"
            )
        await asyncio.sleep(JOB_POLL_S)
    if job.error is not None:
        return failed("jobs", job.error)
    return ok("jobs", f"a job ran in {duration(time.monotonic() - began)}")
