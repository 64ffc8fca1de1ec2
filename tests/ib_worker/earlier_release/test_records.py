"""A leader of this release follows 0.1.0: its records, and those that a front forges in the same place."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from bridge.audit_chain import digest
from bridge.bus.access import Service
from bridge.bus.client.client import BusClient
from bridge.bus.keys import Keys
from bridge.bus.messages import VERSION, BusCaller, Reply, Request, encode_record, encode_reply
from bridge.bus.records.records import digest_of
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.order_references import order_ref
from bridge.tool import OPERATIONS, ToolError
from ib_worker.earlier_release.answers import answer
from ib_worker.earlier_release.records import EarlierRecords
from tests.stacks.bus import PLACE_ORDER, Broker, front, intents, pipe_to, serving
from tests.stacks.redis_users import redis_users

# All that 0.1.0 left in Redis after a filled, a resting, a changed, a cancelled and a rejected order and a bracket.
LEFT = json.loads(Path(__file__).with_name("release_0_1_0.json").read_text())
FORGED = encode_reply(Reply(VERSION, "forged", True, msgspec.Raw(b'{"orderId":666,"status":"Filled"}')))
KEPT = (
    "orderId", "permId", "orderRef", "action", "totalQuantity", "orderType", "lmtPrice", "tif", "status", "filled",
    "remaining", "avgFillPrice", "lastFillPrice", "commission",
)  # fmt: skip
MADE_UP, HALF_MADE, LATER = "made-up-key", "half-made-key", "made-up-later"

Window = Callable[[CommandPipeline, Keys], Awaitable[None]]


@pytest_asyncio.fixture
async def urls(redis_url: str, session: str) -> AsyncIterator[dict[Service, str]]:
    async with redis_users(redis_url, session, ("front", "worker")) as made:
        yield made


async def left_by_0_1_0(pipe: CommandPipeline, keys: Keys) -> None:
    """Put it into Redis as of now, since records are kept for a week."""
    for key, fields in LEFT["records"].items():
        await pipe.send("HSET", keys.order(key), *[part for pair in fields.items() for part in pair])
    for number, line in enumerate(LEFT["audit"], 1):
        entry = json.loads(line) | {"at": datetime.now(UTC).isoformat(timespec="milliseconds")}
        await pipe.send("XADD", keys.audit, f"{number}-0", "e", line := json.dumps(entry, separators=(",", ":")))
    await pipe.send("HSET", keys.heartbeat, "status", '{"accounts":["DU1234567"]}')
    await pipe.send("HSET", keys.audit_head, "seq", number, "digest", digest(line.encode()))


async def at_the_upgrade(pipe: CommandPipeline, keys: Keys) -> None:
    await pipe.send("SET", keys.epoch, 7)


async def after_0_1_0_led_in_between(pipe: CommandPipeline, keys: Keys) -> None:
    await pipe.send("SET", keys.owned, 6)
    await pipe.send("SET", keys.epoch, 7)


async def after_the_mark_was_lost(pipe: CommandPipeline, keys: Keys) -> None:
    async with serving(pipe.url, keys.session, Broker().handle, judge=EarlierRecords(pipe, keys, answer).judge):
        await pipe.send("DEL", keys.owned)


WINDOWS = [at_the_upgrade, after_0_1_0_led_in_between, after_the_mark_was_lost]


async def repeated(bus_client: BusClient, key: str, **options: Any) -> bytes:
    """Make the call of a key of 0.1.0 again, as its client would."""
    record = LEFT["records"].get(key) or LEFT["records"]["upgrade-filled"]
    asked = json.loads(record["req"])
    declared = OPERATIONS[asked["op"]]
    arguments = declared.request(**asked["args"] | {"idempotencyKey": key})
    return await bus_client.submit(
        declared, arguments, BusCaller(principal="desk", request_id="r-1"), key=key, **options
    )


async def told(bus_client: BusClient, key: str) -> dict[str, Any] | ToolError:
    try:
        found: dict[str, Any] = json.loads(await repeated(bus_client, key, deadline_s=2.0))
    except ToolError as error:
        return error
    return found


async def test_the_answers_of_0_1_0_are_those_of_its_audit_log(
    redis_url: str, urls: dict[Service, str], session: str
) -> None:
    broker, keys = Broker(), Keys(session)
    async with pipe_to(redis_url) as pipe, front(urls["front"], session) as bus_client:
        await left_by_0_1_0(pipe, keys)
        await at_the_upgrade(pipe, keys)
        earlier = EarlierRecords(pipe, keys, answer)
        await earlier.read_accounts()
        async with serving(urls["worker"], session, broker.handle, judge=earlier.judge):
            answers = {key: await told(bus_client, key) for key in LEFT["records"] if key != "upgrade-nothing"}

    wrong = answers.pop("upgrade-rejected")
    assert isinstance(wrong, ToolError)
    assert wrong.code == "rejected"
    nothing_sent = answers.pop("upgrade-same")
    assert isinstance(nothing_sent, ToolError)
    assert nothing_sent.code == "not_confirmed"
    assert broker.sent == {"upgrade-cancelled": 1}  # a cancel runs again, as it does after its deadline
    del answers["upgrade-cancelled"]
    for key, found in answers.items():
        assert isinstance(found, dict), found
        was = json.loads(LEFT["records"][key]["res"])["result"]
        assert found.get("entry", found)["account"] == "DU1234567"  # which the log masks
        assert was["message"] in found["message"]
        assert found["idempotencyKey"] == was["idempotencyKey"]
        legs = [(found[leg], was[leg]) for leg in ("entry", "takeProfit", "stopLoss") if leg in was]
        for now, before in legs or [(found, was)]:
            assert {name: now.get(name) for name in KEPT} == {name: before.get(name) for name in KEPT}


@pytest.mark.fault(86)
@pytest.mark.parametrize("window", WINDOWS)
async def test_no_answer_that_a_front_forges_is_believed_and_no_order_is_sent_again(
    redis_url: str, urls: dict[Service, str], session: str, window: Window
) -> None:
    broker, keys = Broker(), Keys(session)
    async with (
        pipe_to(redis_url) as pipe,
        pipe_to(urls["front"]) as taken_over,
        front(urls["front"], session) as bus_client,
    ):
        await left_by_0_1_0(pipe, keys)
        await window(pipe, keys)
        await forge(taken_over, keys, MADE_UP, st="done", res=FORGED)
        await forge(taken_over, keys, HALF_MADE, st="accepted", tok="7", t_accepted="1")
        await taken_over.send("HSET", keys.order("upgrade-resting"), "res", FORGED)
        await taken_over.send("DEL", keys.order("upgrade-filled"))
        await taken_over.send("PEXPIRE", keys.order("upgrade-bracket"), 1)
        early = await intents(pipe, session).read(MADE_UP)
        async with serving(urls["worker"], session, broker.handle, judge=EarlierRecords(pipe, keys, answer).judge):
            answers = {
                key: await told(bus_client, key)
                for key in (MADE_UP, HALF_MADE, "upgrade-resting", "upgrade-filled", "upgrade-bracket")
            }
            await forge(taken_over, keys, LATER, st="done", res=FORGED)
            later = await intents(pipe, session).read(LATER)

    assert [(each.word, each.reply) for each in (early, later)] == [("accepted", b""), ("new", b"")]  # so it waits
    assert [code_of(answers[each]) for each in (MADE_UP, HALF_MADE)] == ["not_confirmed", "not_confirmed"]
    assert order_ref(MADE_UP) in str(answers[MADE_UP])
    resting, filled, bracket = (answers[f"upgrade-{each}"] for each in ("resting", "filled", "bracket"))
    assert isinstance(resting, dict)
    assert isinstance(filled, dict)
    assert isinstance(bracket, dict)
    assert (resting["orderId"], resting["status"], filled["status"]) == (6, "Submitted", "Filled")
    assert bracket["entry"]["orderId"] == 8
    assert broker.sent == {}


async def forge(taken_over: CommandPipeline, keys: Keys, key: str, **fields: str | bytes) -> None:
    """Write a record of the call that the client will make, as exactly as a front can."""
    bought = PLACE_ORDER.request(**json.loads(LEFT["records"]["upgrade-filled"]["req"])["args"])
    asked = digest_of(PLACE_ORDER, bought)
    args = msgspec.Raw(bought.model_dump_json(exclude_defaults=True).encode())
    request = Request(VERSION, "forged", "place_order", args, "f1", 1, "desk", "r-1", key, asked)
    told: dict[str, str | bytes] = {"att": "forged", "dg": asked, "req": encode_record(request)}
    told |= fields
    await taken_over.send("HSET", keys.order(key), *[part for pair in told.items() for part in pair])


def code_of(found: dict[str, Any] | ToolError) -> str:
    return found.code if isinstance(found, ToolError) else "answered"
