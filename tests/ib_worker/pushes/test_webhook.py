"""A webhook's message is signed, and goes to no other address."""

import asyncio
import hmac

import pytest

from ib_worker.pushes.webhook import PushFailed, post, signature
from tests.stacks.webhook import Webhook, listening

SECRET = "0123456789abcdef"


async def test_a_message_is_signed_with_its_time() -> None:
    async with listening(Webhook()) as hook:
        await asyncio.to_thread(post, hook.url, b'{"a": 1}', SECRET, 1_700_000_000)

    (head,) = hook.heads
    expected = hmac.new(SECRET.encode(), b'1700000000.{"a": 1}', "sha256").hexdigest()
    assert head["x-ibkr-timestamp"] == "1700000000"
    assert head["x-ibkr-signature"] == f"sha256={expected}" == signature(SECRET, "1700000000", b'{"a": 1}')
    assert hook.bodies == [b'{"a": 1}']


@pytest.mark.parametrize(
    ("status", "lasting"),
    [
        ("500 No", False),
        ("429 Slow", False),
        ("404 No", True),
        ("401 No", True),
        ("302 M", True),
        ("307 Moved", True),
    ],
)
async def test_what_it_answers_decides_about_another_attempt(status: str, lasting: bool) -> None:
    async with listening(Webhook(status=status)) as hook:
        with pytest.raises(PushFailed) as failed:
            await asyncio.to_thread(post, hook.url, b"{}", SECRET)

    assert failed.value.lasting is lasting
    assert "secret" not in str(failed.value)
    assert hook.bodies == []


async def test_one_that_is_down_or_loses_its_answer_may_be_asked_again(unused_port: int) -> None:
    async with listening(Webhook(cut=1)) as hook:
        for url in (hook.url, f"http://127.0.0.1:{unused_port}/secret"):
            with pytest.raises(PushFailed) as failed:
                await asyncio.to_thread(post, url, b"{}", SECRET)
            assert (failed.value.lasting, "secret" in str(failed.value)) == (False, False)
