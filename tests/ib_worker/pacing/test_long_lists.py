"""A list that was long is told again with what came since; a short one is always asked for."""

import asyncio

import pytest

from ib_worker.pacing.long_lists import AGAIN_AFTER, LONG_ROWS, MOST_SINCE, OLDEST_S, LongList

TOOK_S = 1.0


class Gateway:
    """Tells a list of `rows` numbers after a second of a clock that moves only then; `state` is its connection."""

    def __init__(self, rows: int = LONG_ROWS) -> None:
        self.now, self.state, self.asked, self.rows = 1000.0, 0, 0, rows
        self.under_way = self.most_under_way = 0
        self.list: LongList[int] = LongList(lambda: self.now, lambda: self.state)

    async def tell(self) -> list[int]:
        self.asked += 1
        self.under_way += 1
        self.most_under_way = max(self.under_way, self.most_under_way)
        await asyncio.sleep(0)
        self.now += TOOK_S
        self.under_way -= 1
        return list(range(self.rows))

    async def read(self) -> list[int]:
        return await self.list.read(self.tell)


pytestmark = pytest.mark.trial("B1")


async def test_a_long_list_is_told_again_with_what_came_since() -> None:
    gateway = Gateway()
    await gateway.read()
    gateway.list.came(-1)

    assert (await gateway.read())[-1] == -1
    assert gateway.asked == 1


async def test_what_comes_while_a_list_is_read_is_in_it() -> None:
    gateway = Gateway()
    reading = asyncio.create_task(gateway.read())
    await asyncio.sleep(0)
    gateway.list.came(-1)

    assert (await reading)[-1] == -1


async def test_a_short_list_is_always_asked_for() -> None:
    gateway = Gateway(rows=LONG_ROWS - 1)
    await gateway.read()
    await gateway.read()

    assert gateway.asked == 2


async def test_one_request_at_most_is_under_way() -> None:
    gateway = Gateway(rows=1)
    await asyncio.gather(*(gateway.read() for _ in range(4)))

    assert (gateway.asked, gateway.most_under_way) == (4, 1)


@pytest.mark.parametrize("old_s", [TOOK_S * AGAIN_AFTER + 0.1, OLDEST_S])
async def test_an_old_list_is_asked_for_anew(old_s: float) -> None:
    gateway = Gateway()
    await gateway.read()
    gateway.now += old_s
    await gateway.read()

    assert gateway.asked == 2


async def test_a_list_of_before_a_loss_is_asked_for_anew() -> None:
    gateway = Gateway()
    await gateway.read()
    gateway.state += 1
    await gateway.read()

    assert gateway.asked == 2


async def test_a_list_that_was_read_over_a_loss_is_not_told_again() -> None:
    gateway = Gateway()
    reading = asyncio.create_task(gateway.read())
    await asyncio.sleep(0)
    gateway.state += 1
    await reading
    await gateway.read()

    assert gateway.asked == 2


async def test_with_too_much_since_it_is_asked_for_anew_and_memory_stays_bounded() -> None:
    gateway = Gateway()
    await gateway.read()
    for number in range(MOST_SINCE + 100):
        gateway.list.came(-number)

    assert len(await gateway.read()) == LONG_ROWS
    assert gateway.asked == 2


async def test_a_request_that_failed_leaves_nothing_to_tell() -> None:
    gateway = Gateway()

    async def fail() -> list[int]:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await gateway.list.read(fail)
    await gateway.read()

    assert gateway.asked == 1
