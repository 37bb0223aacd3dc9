"""Which failures may be tried again, when, and for how long. No I/O but the waiting itself.

Rules: what may have run is repeated only by calls that are harmless to repeat; a server's
`Retry-After` is obeyed; every series of tries has a bound in seconds; jitter keeps many kernels
from knocking in step.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from ..facts.errors import (
    EngeeError,
    GatewayError,
    NetworkError,
    RateLimitedError,
    UnexpectedReplyError,
    UnreachableError,
)

if TYPE_CHECKING:
    from tenacity import RetryCallState
    from tenacity.wait import wait_base

T = TypeVar("T")


@cache
def _backoff() -> wait_base:
    from tenacity import wait_exponential, wait_random  # noqa: PLC0415 - see `retrying`

    return wait_exponential(multiplier=0.1, max=4.8) + wait_random(0, 0.2)


def is_transient(error: BaseException) -> bool:
    """For calls that are harmless to repeat: network trouble, gateways, rate limits."""
    return isinstance(error, NetworkError | GatewayError | RateLimitedError)


def may_pass(error: BaseException) -> bool:
    """A login page of some network in place of the reply, or a server's slip: not known, but worth another try."""
    return isinstance(error, UnexpectedReplyError) and (error.status == 200 or error.status >= 500)


def surely_not_run(error: BaseException) -> bool:
    """For calls that must not run twice: only what certainly never reached Engee."""
    return isinstance(error, UnreachableError | RateLimitedError)


def wait_s(state: RetryCallState) -> float:
    """The server's own wish where it has one, else a growing delay with jitter, at most 5 s."""
    error = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "retry_after_s", None)
    # "Retry-After: 0" must not become a storm
    return float(asked) if asked else float(_backoff()(state))


async def retrying(
    call: Callable[[], Awaitable[T]],
    *,
    when: Callable[[BaseException], bool],
    bound_s: float,
    before_wait: Callable[[EngeeError, float], None] | None = None,
) -> T:
    """The result of `call`, tried again while `when(error)` and `bound_s` allow it.

    `before_wait(error, delay_s)` is told of each failure that will be tried again.
    Raises the last error.
    """

    began = time.monotonic()
    try:
        # nearly all go well: without tenacity, which costs a seventh of a small request, and 20 ms of a kernel's start
        return await call()
    except EngeeError as error:
        if not when(error):
            raise
        failed = [error]

    from tenacity import AsyncRetrying, retry_if_exception  # noqa: PLC0415

    async def again() -> T:
        if failed:
            raise failed.pop()  # tenacity's first try is the one that has failed
        return await call()

    def told(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if before_wait is not None and isinstance(error, EngeeError):
            before_wait(error, state.upcoming_sleep)

    def over(state: RetryCallState) -> bool:
        # a Retry-After beyond the bound is not waited for
        return time.monotonic() - began + state.upcoming_sleep > bound_s

    async for attempt in AsyncRetrying(
        retry=retry_if_exception(when), wait=wait_s, stop=over, before_sleep=told, reraise=True
    ):
        with attempt:
            return await again()
    raise AssertionError("tenacity ends by returning or raising")
