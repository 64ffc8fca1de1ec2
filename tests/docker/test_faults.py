"""A container killed, paused or cut off from a neighbour while clients read and trade: a share of `-m tests.docker`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.faults import Fault, faulty_stack, play
from tests.docker.stack import Stack

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

SHARE = [
    Fault("kill", "front"),
    Fault("kill", "redis"),
    Fault("kill", "gateway"),
    Fault("pause", "worker"),
    Fault("cut", "worker", "worker-redis"),
]


@pytest.fixture(scope="module")
def faulty() -> Iterator[tuple[Stack, Path]]:
    with faulty_stack() as stack:
        yield stack


@pytest.mark.fault(75, 78)
@pytest.mark.parametrize("fault", SHARE, ids=str)
async def test_every_call_is_answered_and_no_order_is_sent_twice(faulty: tuple[Stack, Path], fault: Fault) -> None:
    verdict = await play(faulty[0], fault, faulty[1])

    print(verdict)  # noqa: T201
    assert verdict.wrong == []
