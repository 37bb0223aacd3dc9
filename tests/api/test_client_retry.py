"""Which failures are tried again, after how long, and when that ends."""

from __future__ import annotations

import time

import pytest

from engee_kernel.api.retry import is_transient, may_pass, retrying, surely_not_run
from engee_kernel.facts.errors import (
    CodeError,
    EngeeError,
    ForbiddenPathError,
    GatewayError,
    JobExistsError,
    NetworkError,
    NotFoundError,
    RateLimitedError,
    ReplyLostError,
    ServerNotRunningError,
    TokenRejectedError,
    TokenTooYoungError,
    UnexpectedReplyError,
    UnreachableError,
)


@pytest.mark.parametrize(
    ("error", "transient", "not_run"),
    [
        (UnreachableError("x"), True, True),
        (ReplyLostError("x"), True, False),
        (ReplyLostError("x", timed_out=True), True, False),
        (NetworkError("x"), True, False),
        (GatewayError("x", status=502), True, False),
        (GatewayError("x", status=504), True, False),
        (RateLimitedError("x"), True, True),
        (ServerNotRunningError("x"), False, False),
        (TokenRejectedError("x"), False, False),
        (TokenTooYoungError("x"), False, False),
        (NotFoundError("x"), False, False),
        (ForbiddenPathError("x"), False, False),
        (JobExistsError("x"), False, False),
        (UnexpectedReplyError("x"), False, False),
        (CodeError("E", "E()", "E"), False, False),
        (EngeeError("x"), False, False),
        (ValueError("x"), False, False),
    ],
)
def test_what_is_tried_again(error: Exception, transient: bool, not_run: bool) -> None:
    assert is_transient(error) is transient
    assert surely_not_run(error) is not_run


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UnexpectedReplyError("a login page", status=200), True),
        (UnexpectedReplyError("a slip", status=500), True),
        (UnexpectedReplyError("a redirect", status=302), False),
        (TokenRejectedError("no", status=401), False),
        (CodeError("E", "E()", "E"), False),
    ],
)
def test_what_may_pass(error: Exception, expected: bool) -> None:
    assert may_pass(error) is expected


class Calls:
    """Fails with the given errors one after the other, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.times: list[float] = []
        self.told: list[tuple[EngeeError, float]] = []

    async def __call__(self) -> str:
        self.times.append(time.monotonic())
        if self.errors:
            raise self.errors.pop(0)
        return "value"

    async def tried(self, bound_s: float) -> str:
        return await retrying(self, when=is_transient, bound_s=bound_s, before_wait=self._note)

    def _note(self, error: EngeeError, wait_s: float) -> None:
        self.told.append((error, wait_s))


async def test_a_transient_failure_is_tried_again_and_told() -> None:
    lost = ReplyLostError("lost")
    calls = Calls(lost, GatewayError("busy"))
    assert await calls.tried(5) == "value"
    assert len(calls.times) == 3
    assert calls.told[0][0] is lost
    assert all(0 < wait_s <= 5 for _, wait_s in calls.told)


async def test_another_failure_comes_out_at_once() -> None:
    calls = Calls(TokenRejectedError("no"))
    with pytest.raises(TokenRejectedError):
        await calls.tried(5)
    assert len(calls.times) == 1 and not calls.told


async def test_the_bound_holds_and_the_last_error_comes_out() -> None:
    calls = Calls(*[GatewayError(f"busy {number}") for number in range(1000)])
    began = time.monotonic()
    with pytest.raises(GatewayError) as caught:
        await calls.tried(0.6)
    assert time.monotonic() - began < 3
    assert caught.value.message == f"busy {len(calls.times) - 1}"
    assert len(calls.times) >= 2


async def test_no_bound_means_one_try() -> None:
    calls = Calls(GatewayError("busy"))
    with pytest.raises(GatewayError):
        await calls.tried(0)
    assert len(calls.times) == 1


async def test_the_servers_own_wish_is_obeyed() -> None:
    calls = Calls(RateLimitedError("slow down", retry_after_s=0.7))
    assert await calls.tried(5) == "value"
    assert calls.times[1] - calls.times[0] >= 0.69


async def test_a_wish_beyond_the_bound_is_not_waited_for() -> None:
    calls = Calls(RateLimitedError("slow down", retry_after_s=60))
    began = time.monotonic()
    with pytest.raises(RateLimitedError):
        await calls.tried(2)
    assert time.monotonic() - began < 1
    assert len(calls.times) == 1


async def test_retry_after_zero_does_not_become_a_storm() -> None:
    calls = Calls(*[RateLimitedError("slow down", retry_after_s=0.0) for _ in range(10_000)])
    with pytest.raises(RateLimitedError):
        await calls.tried(1.0)
    assert len(calls.times) < 12


async def test_pauses_grow_and_vary() -> None:
    first, second = Calls(*[GatewayError("x")] * 4), Calls(*[GatewayError("x")] * 4)
    await first.tried(20)
    await second.tried(20)
    waits = [wait_s for _, wait_s in first.told]
    assert waits[-1] > 2 * waits[0]
    assert waits != [wait_s for _, wait_s in second.told]
