"""Answers that come in parts: a long one may take its time, one that has stopped may not."""

import asyncio

import pytest

from ib_worker.tws.errors import ConnectionLost
from ib_worker.tws.requests import PendingRequests

SILENCE_S = 0.2


async def test_an_answer_that_keeps_coming_is_not_late() -> None:
    requests = PendingRequests(late_s=1, grace_s=0.2)
    loop = asyncio.get_running_loop()

    with requests.expect("orders") as pending:
        for number in range(6):
            loop.call_later(number * SILENCE_S / 2, requests.add, "orders", number)
        loop.call_later(3 * SILENCE_S, requests.finish, "orders")

        assert await pending.complete(SILENCE_S) == list(range(6))


async def test_an_answer_that_has_stopped_is_given_up() -> None:
    requests = PendingRequests(late_s=1, grace_s=0.2)

    with requests.expect("orders") as pending:
        requests.add("orders", 1)
        with pytest.raises(TimeoutError):
            await pending.complete(SILENCE_S)


async def test_of_each_part_no_more_is_kept_than_is_wanted() -> None:
    requests = PendingRequests(late_s=1, grace_s=0.2)

    with requests.expect("orders", keep=lambda part: part % 2) as pending:
        for number in range(4):
            requests.add("orders", number)
        requests.finish("orders")

        assert await pending.complete(SILENCE_S) == [0, 1, 0, 1]


async def test_a_list_that_never_ends_holds_up_the_next_for_a_while_only() -> None:
    requests = PendingRequests(late_s=0.1, grace_s=0.2)
    requests.mark_late("orders")

    await requests.none_late("orders")
    await requests.none_late("orders")
    requests.mark_late("orders")
    requests.fail_all(ConnectionLost("it broke"))
    async with asyncio.timeout(0.05):
        await requests.none_late("orders")
