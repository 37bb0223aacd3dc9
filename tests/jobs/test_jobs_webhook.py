"""The webhook of a job, against a receiver on a real socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from joblab import Receiver, receiving

from engee_kernel.facts.errors import UsageError
from engee_kernel.jobs import webhook

JOB = {"job_id": "a", "name": "Счёт", "status": "DONE", "result": {"type": "success", "data": {"text": "42"}}}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(500, 503) as one:
        yield one


async def test_it_is_tried_again_until_it_is_taken(receiver: Receiver) -> None:
    await webhook.deliver(receiver.url, JOB)
    assert receiver.bodies == [JOB, JOB, JOB]
    assert all("authorization" not in headers for headers in receiver.headers)
    assert receiver.headers[0]["content-type"] == "application/json"


@pytest.mark.parametrize("status", [302, 400, 401, 404, 410])
async def test_a_refusal_is_final_and_a_redirect_is_not_followed(status: int) -> None:
    with receiving(status) as receiver, pytest.raises(webhook.WebhookError) as caught:
        await webhook.deliver(receiver.url, JOB)
    assert len(receiver.bodies) == 1
    assert str(status) in str(caught.value)
    assert "s3cret" not in str(caught.value)


async def test_trying_has_a_bound() -> None:
    with receiving(*[500] * 1000) as receiver, pytest.raises(webhook.WebhookError, match="500"):
        await webhook.deliver(receiver.url, JOB, bound_s=1.0)
    assert 1 < len(receiver.bodies) < 20


async def test_nobody_there() -> None:
    with receiving() as receiver:
        pass
    with pytest.raises(webhook.WebhookError, match="ConnectError") as caught:
        await webhook.deliver(receiver.url, JOB, bound_s=0.5)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "ftp://a/s3cret", "example.org/hook", "http://:80/s3cret", "http://[s3cret", "file:///etc/passwd"]
)
def test_what_is_no_address_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        webhook.check_address(url)
    assert "s3cret" not in str(caught.value)
