"""Wrong tries cost more and more time, by address and name; a right one forgets them."""

import asyncio

import pytest

from console.web.attempts import AT_ONCE, FREE, FROM_ONE, WAITING, Attempts, TooManyTries


async def tried(attempts: Attempts, address: str = "1.2.3.4", name: str = "anna", right: bool = False) -> float:
    """Return how long this try is to wait, 0 where it was looked at."""
    try:
        async with attempts.one(address, name):
            (attempts.right if right else attempts.wrong)(address, name)
    except TooManyTries as error:
        return error.wait_s
    return 0


async def test_after_a_few_wrong_tries_the_next_waits_and_others_do_not() -> None:
    attempts = Attempts()
    first = [await tried(attempts) for _ in range(FREE)]

    assert first == [0] * FREE
    assert 0 < await tried(attempts, right=True) <= 2
    assert await tried(attempts, name="bert", right=True) == 0
    assert await tried(attempts, address="5.6.7.8", right=True) == 0


async def test_addresses_that_one_machine_may_choose_freely_count_as_one() -> None:
    attempts = Attempts()
    for number in range(FREE):
        await tried(attempts, f"2001:db8::{number:x}")

    assert await tried(attempts, "2001:db8::ffff:1") > 0
    assert await tried(attempts, "2001:db8:0:1::1") == 0
    assert await tried(attempts, "::ffff:1.2.3.4") == await tried(attempts, "not an address") == 0


async def test_a_right_try_forgets_the_wrong_ones() -> None:
    attempts = Attempts()
    for _ in range(FREE - 1):
        await tried(attempts)
    await tried(attempts, right=True)

    assert [await tried(attempts) for _ in range(FREE)] == [0] * FREE


async def test_each_further_wrong_try_doubles_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts, now = Attempts(), 100.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    waits = []
    for _ in range(FREE - 1):
        attempts.wrong("1.2.3.4", "anna")
    for _ in range(12):
        attempts.wrong("1.2.3.4", "anna")
        waits.append(await tried(attempts))

    assert waits[:4] == [2, 4, 8, 16]
    assert waits[-1] == 15 * 60


async def test_tries_that_come_at_once_are_hashed_two_at_a_time_and_few_wait() -> None:
    attempts, inside, most = Attempts(), 0, 0
    go = asyncio.Event()

    async def one(name: str) -> str:
        nonlocal inside, most
        try:
            async with attempts.one(name, name):
                inside += 1
                most = max(most, inside)
                await go.wait()
                inside -= 1
        except TooManyTries:
            return "paced"
        return "tried"

    tasks = [asyncio.create_task(one(f"name-{number}")) for number in range(WAITING + 5)]
    for _ in range(5):
        await asyncio.sleep(0)
    go.set()
    outcomes = await asyncio.gather(*tasks)

    assert most == AT_ONCE
    assert outcomes.count("paced") == 5


async def test_who_tries_many_names_at_once_keeps_no_other_address_waiting() -> None:
    attempts, go = Attempts(), asyncio.Event()

    async def one(address: str, name: str) -> str:
        try:
            async with attempts.one(address, name):
                await go.wait()
        except TooManyTries:
            return "paced"
        return "tried"

    flood = [asyncio.create_task(one("1.2.3.4", f"name-{number}")) for number in range(4 * WAITING)]
    await asyncio.sleep(0)
    operator = asyncio.create_task(one("5.6.7.8", "anna"))
    await asyncio.sleep(0)
    go.set()

    assert await operator == "tried"
    assert (await asyncio.gather(*flood)).count("tried") == FROM_ONE
    assert not attempts._inside
