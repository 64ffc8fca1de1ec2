"""Answers that come in parts: a long one may take its time, one that has stopped may not."""

import asyncio

import pytest

from ib_worker.tws.errors import ConnectionLost
from ib_worker.tws.requests import PendingRequests
from tests.busy import BUSY_S

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


def both(parts: list[object]) -> bool:
    return len(parts) == 2


async def test_a_stream_is_read_until_it_is_whole_or_quiet_or_its_time_is_over() -> None:
    requests = PendingRequests(late_s=1, grace_s=0.2)
    call_later = asyncio.get_running_loop().call_later

    with requests.expect(1) as pending:
        call_later(0.05, requests.add, 1, "a")
        call_later(0.1, requests.add, 1, "b")
        async with asyncio.timeout(1 + BUSY_S):
            assert await pending.quiet(5, 5, 5, both) == ["a", "b"]
    with requests.expect(2) as pending:
        requests.add(2, "a")
        assert await pending.quiet(5, 0.05, 5, both) == ["a"]
    with requests.expect(3) as pending:
        for number in range(20):
            call_later(number * 0.05, requests.add, 3, number)
        assert 1 <= len(list(await pending.quiet(5, 0.5, 0.2, lambda _: False))) < 20
    with requests.expect(4) as pending:
        assert await pending.quiet(0.05, 5, 5, both) == []


async def test_a_reset_voids_the_rows_so_far_and_those_after_it_are_awaited() -> None:
    requests = PendingRequests(late_s=1, grace_s=0.2)

    with requests.expect(1) as pending:
        requests.add(1, "old")
        requests.error(1, 317, "Market depth data has been RESET.")
        asyncio.get_running_loop().call_later(0.1, requests.add, 1, "new")

        assert await pending.quiet(1, 0.05, 5, both) == ["new"]


async def test_a_stream_that_is_refused_or_loses_its_connection_fails() -> None:
    requests = PendingRequests(late_s=1, grace_s=0.2)

    with requests.expect(1) as pending:
        requests.add(1, "a")
        asyncio.get_running_loop().call_later(0.01, requests.fail_all, ConnectionLost("it broke"))
        with pytest.raises(ConnectionLost):
            await pending.quiet(1, 1, 1, both)


async def test_a_scan_that_found_nothing_is_an_empty_answer_and_another_notice_is_none() -> None:
    requests = PendingRequests(late_s=1, grace_s=0.2)

    with requests.expect(1) as pending:
        requests.error(1, 165, "Historical Market Data Service query message:no items retrieved")
        assert await pending.answer == []
    with requests.expect(2) as pending:
        requests.error(2, 165, "HMDS server connection was successful.")
        assert not pending.answer.done()
        assert pending.warnings == [(165, "HMDS server connection was successful.")]


async def test_two_requests_under_one_key_are_a_fault_of_this_program() -> None:
    requests = PendingRequests(late_s=1, grace_s=0.2)

    with (
        requests.expect("positions"),
        pytest.raises(RuntimeError, match="already under way"),
        requests.expect("positions"),
    ):
        pass


async def test_an_answer_that_nobody_waits_for_is_dropped() -> None:
    requests = PendingRequests(late_s=1, grace_s=0.2)

    requests.add(1, "part")
    requests.finish(1)
    requests.answer(1, "whole")

    assert not requests.refuse(1, 200, "text")
    assert len(requests) == 0


async def test_the_first_answer_counts() -> None:
    requests = PendingRequests(late_s=1, grace_s=0.2)
    with requests.expect(1) as pending:
        requests.add(1, "part")
        requests.finish(1)
        requests.answer(1, "late")
        requests.refuse(1, 200, "late")
        requests.fail_all(ConnectionLost("late"))

        assert await pending.answer == ["part"]


async def test_a_request_that_is_left_leaves_nothing() -> None:
    requests = PendingRequests(late_s=1, grace_s=0.2)
    with requests.expect(1):
        assert 1 in requests
    with requests.expect(2):
        requests.refuse(2, 200, "nobody waits")

    assert len(requests) == 0
