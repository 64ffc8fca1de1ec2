"""Redis that does not keep what it is told: a warning in the status, and no live order."""

import dataclasses
from typing import Any

import pytest

from bridge.bus.integrity.durability import read_durability
from bridge.bus.transport.connection import Refused
from bridge.bus.transport.pipeline import CommandPipeline
from cli.local_stack.embedded_redis import EmbeddedRedis
from ibgateway.simulator.server.server import Simulator
from tests.stacks.bus import pipe_to
from tests.stacks.live import LIVE
from tests.stacks.timing import PATIENT
from tests.stacks.worker import Caller, order, trading
from tests.waiting import until

pytestmark = pytest.mark.trial("A31")
WARNING = "Redis may lose records"


async def set_to(url: str, *settings: str) -> None:
    async with pipe_to(url) as pipe:
        for name, value in zip(settings[::2], settings[1::2], strict=True):
            await pipe.send("CONFIG", "SET", name, value)


async def warned(front: Caller) -> str:
    return " ".join(each["what"] for each in (await front.status())["concerns"] if WARNING in each["what"])


@pytest.mark.parametrize(
    ("settings", "why", "live"),
    [
        (("appendonly", "no"), "appendonly is no", "not_durable"),
        (("appendfsync", "no"), "appendfsync is no", "not_durable"),
        (("maxmemory", "500mb", "maxmemory-policy", "allkeys-lru"), "maxmemory-policy is allkeys-lru", "not_durable"),
        (("appendfsync", "everysec"), "everysec", "approval_required"),
        (("appendfsync", "always"), "", "approval_required"),
    ],
)
async def test_a_redis_that_may_lose_records_is_warned_of_and_takes_no_live_order(
    own_redis: EmbeddedRedis, session: str, sim: Simulator, settings: tuple[str, ...], why: str, live: str
) -> None:
    await set_to(own_redis.url, *settings)
    async with trading(own_redis.url, session, sim, **LIVE) as front:
        await until(lambda: _as_told(front, why), "the status has the warning, or none")
        refused = await front.refused_order(**order(orderType="LMT", lmtPrice=50))
        cancelled = await front.submit("cancel_all_orders")

    assert refused.code == live
    assert cancelled["orders"] == []  # what reduces risk is never refused


async def _as_told(front: Caller, why: str) -> bool:
    told = await warned(front)
    return why in told if why else not told


async def test_the_operator_may_care_for_it_and_then_nothing_is_said(
    own_redis: EmbeddedRedis, session: str, sim: Simulator
) -> None:
    await set_to(own_redis.url, "appendonly", "no")
    async with trading(own_redis.url, session, sim, redis_durability="assumed", **LIVE) as front:
        refused = await front.refused_order(**order(orderType="LMT", lmtPrice=50))
        told = await warned(front)

    assert refused.code == "approval_required"
    assert told == ""


async def test_on_paper_a_redis_of_a_distribution_is_warned_of_and_traded_on(
    own_redis: EmbeddedRedis, session: str, sim: Simulator
) -> None:
    await set_to(own_redis.url, "appendonly", "no", "save", "3600 1 300 100")
    async with trading(own_redis.url, session, sim) as front:
        await until(lambda: warned(front), "the status warns")
        filled = await front.submit("place_order", **order())

    assert filled["status"] == "Filled"


@dataclasses.dataclass
class Reticent:
    """A managed server: it refuses some commands, and answers others as told."""

    answers: dict[str, Any]

    async def send(self, *command: str) -> Any:
        answer = self.answers.get(" ".join(command))
        if answer is None:
            raise Refused("NOPERM this user has no permissions to run the command")
        return answer


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"INFO persistence": b"# Persistence\r\nloading:0\r\n"},
        {"INFO persistence": b"aof_enabled:1\r\n"},
        {"INFO persistence": b"aof_enabled:1\r\n", "CONFIG GET append*": [], "CONFIG GET maxmemory*": []},
    ],
)
async def test_a_server_that_does_not_tell_is_not_taken_for_durable(answers: dict[str, Any]) -> None:
    pipe: Any = Reticent(answers)
    found = await read_durability(pipe)

    assert (found.kept, found.suffices) == ("unknown", False)
    assert found.why


async def test_the_servers_of_this_project_keep_every_write(redis_url: str) -> None:
    async with CommandPipeline(redis_url, PATIENT) as pipe:
        assert (await read_durability(pipe)).kept == "every write"
