"""One leader beside a standby fails in each way in turn; who then serves, and that no lease has two writers."""

import pytest

from tests.faults.standby import a_pair

PATIENCE_S = 40.0  # the bar of ten seconds is measured by `make faults ARGS=standby`, on a machine that does no more


@pytest.mark.long
@pytest.mark.fault(66, 67, 78)
async def test_a_standby_serves_whatever_happens_to_the_leader() -> None:
    async with a_pair() as pair:
        results = [await pair.fail(way, for_s=9.0) for way in ("frozen", "cut from redis", "cut from gateway")]

    assert [each.wrong for each in results] == [[], [], []]
    assert [each.by_standby for each in results] == [True, True, True]
    assert max(each.write_s for each in results) < PATIENCE_S
