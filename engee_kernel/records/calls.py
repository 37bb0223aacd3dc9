"""Creating a job and waiting for it, through trouble with the network, within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..api.client import EngeeClient
from ..api.retry import is_transient, retrying
from ..api.wire import Job
from ..facts.errors import EngeeError, GatewayError, JobExistsError, NetworkError, RateLimitedError, StillRunningError
from ..facts.silence import Silence, is_gateways, waiting
from ..facts.text import duration

Condition = Callable[[str], None]
"""Is told what the wait is for, "" while all is well; or ignores it."""

FIRST_POLL_S = 0.2
LONGEST_POLL_S = 5.0
POLL_GROWTH = 1.4


class JobHabits:
    """What this Engee has shown of its jobs; kept for the session so that it is learned once."""

    def __init__(self) -> None:
        self.share_process = True
        self.let_evals_through = True

    @property
    def usable(self) -> bool:
        """Whether a `finish` job keeps a cell's record without silencing it."""
        return self.share_process and self.let_evals_through


async def create(
    client: EngeeClient, code: str, *, job_id: str, name: str | None, condition: Condition, bound_s: float
) -> None:
    """Create a job under an id of ours; asked for again until it is accepted, which the id makes safe.

    Raises StillRunningError when it is not known at the end whether the job was accepted.
    """

    async def once() -> None:
        try:
            await client.create_job(code, job_id=job_id, name=name)
        except JobExistsError:
            return  # the id is a new UUID of ours: an earlier request, whose reply was lost, made the job

    silence = Silence(asking=True)
    try:
        await retrying(once, when=is_transient, bound_s=bound_s, before_wait=_told(condition, silence))
    except (NetworkError, GatewayError) as error:
        if not error.may_have_run:
            raise
        silence.heard_only(error)
        raise StillRunningError(
            f"{silence.sentence(error)} It has not confirmed the job, which may run, or may never have arrived. "
            "It was not created twice, and nothing is known to be lost.",
            f"Look for it with: %jobs\nFollow it with: %jobs attach {job_id}",
        ) from error
    condition("")


async def keep_record(
    client: EngeeClient, code: str, *, job_id: str, name: str, habits: JobHabits, notice: Callable[[str], None]
) -> bool | None:
    """Create the job, of the cell's own id, that only waits for the cell and then holds all its events.

    None: not now, another try may help. False: this Engee does not take it, which `notice` is told once.
    """
    try:
        await client.create_job(code, job_id=job_id, name=name)
    except JobExistsError:
        return True
    except (NetworkError, GatewayError, RateLimitedError):
        return None
    except EngeeError as error:
        habits.share_process = False
        notice(
            f"Long cells can't be handed to a job here ({error.message}) "
            "They run on, but are lost to a kernel that dies."
        )
        return False
    return True


async def result(
    client: EngeeClient, job_id: str, *, condition: Condition, bound_s: float, silence: Silence | None = None
) -> Job:
    """The job as it is now. Raises NotFoundError for an unknown id, the network's error after `bound_s`.

    `silence` is told of what came in place of an answer.
    """
    told = _told(condition, silence or Silence(asking=True))
    job = await retrying(lambda: client.job(job_id), when=is_transient, bound_s=bound_s, before_wait=told)
    condition("")
    return job


async def finished(
    client: EngeeClient, job_id: str, *, condition: Condition, bound_s: float, longest_s: float = LONGEST_POLL_S
) -> Job:
    """The job when it is done, asked for at growing intervals up to `longest_s`.

    Raises NotFoundError when Engee does not know it (any more), StillRunningError when Engee has not answered
    for `bound_s`.
    """
    pause_s = FIRST_POLL_S
    while True:
        silence = Silence(asking=True)
        try:
            job = await result(client, job_id, condition=condition, bound_s=bound_s, silence=silence)
        except (NetworkError, GatewayError, RateLimitedError) as error:
            raise unanswered(error, job_id, silence) from error
        if job.done:
            return job
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * POLL_GROWTH, longest_s)


def unanswered(error: EngeeError, job_id: str, silence: Silence) -> StillRunningError:
    silence.heard_only(error)
    hint = "" if is_gateways(error) else error.hint  # speaks of an address that may be wrong: here it was right before
    return StillRunningError(
        f"{silence.sentence(error)} The job was accepted and goes on in Engee, as far as is known: "
        "nothing was heard of its end.",
        f"{hint}\nFollow it later with: %jobs attach {job_id}".strip(),
    )


def _told(condition: Condition, silence: Silence) -> Callable[[EngeeError, float], None]:
    def told(error: EngeeError, delay_s: float) -> None:
        silence.heard_only(error)
        condition(f"{waiting(error)}, trying again in {duration(delay_s)}")

    return told
