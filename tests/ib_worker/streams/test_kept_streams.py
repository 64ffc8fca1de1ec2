"""The worker opens the streams of handles when its term begins, and ends those that nobody reads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from structlog.typing import EventDict

from bridge.bus.events.event import Cursor
from bridge.bus.events.kept_stream import KeptEntry
from bridge.bus.events.stream_handles import StreamHandle
from ibgateway.simulator.server.server import Simulator
from tests.stacks.clients import as_client, write_clients
from tests.stacks.timing import patient
from tests.stacks.worker import FAST, SOON, Caller, caller, trading, worker
from tests.waiting import until

SOON_LEFT = patient(linger_s=0.5, listener_check_s=0.1, keep_grace_s=0.2)


def handle(front: Caller, kind: str, stream: str, **arguments: Any) -> StreamHandle:
    now = front.bus_client.streams.now_ms()
    return StreamHandle("s-1", "claude", kind, stream, "a name", arguments, "0.0-0", now, now)


@asynccontextmanager
async def front_at(redis_url: str, session: str) -> AsyncIterator[Caller]:
    async with caller(redis_url, session) as front:
        await front.bus_client.pipe.send("PING")
        yield front


async def entries(front: Caller, stream: str) -> list[KeptEntry]:
    return list((await front.bus_client.streams.page(stream, Cursor(), 1_000)).entries)


async def has(front: Caller, stream: str, kind: str) -> bool:
    return kind in [each.kind for each in await entries(front, stream)]


async def test_a_term_opens_the_streams_of_all_handles(redis_url: str, session: str) -> None:
    async with Simulator() as sim, front_at(redis_url, session) as front:
        async with worker(redis_url, session, sim.port, FAST):
            await front.writable()
            spy = (await front.ask("open_market_data", symbol="SPY"))["contract"]["conId"]
            account = (await front.status())["accounts"][0]
        await front.bus_client.streams.add(handle(front, "quotes", f"quotes-{spy}", symbol="SPY", conId=spy))
        of_account = handle(front, "account", f"account-{account}", account=account)
        await front.bus_client.streams.add(StreamHandle(**{**_fields(of_account), "handle": "s-2"}))
        async with worker(redis_url, session, sim.port, FAST):
            await until(lambda: has(front, f"quotes-{spy}", "quote"), "quotes are written", 15)
            await until(lambda: has(front, f"account-{account}", "value"), "the account's values are written", 15)
        quotes, values = await entries(front, f"quotes-{spy}"), await entries(front, f"account-{account}")

    assert [each.kind for each in quotes].count("gap") == 1
    assert quotes[0].kind == values[0].kind == "gap"
    assert "NetLiquidation" in {each.body.get("tag") for each in values}


def _fields(found: StreamHandle) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__struct_fields__}


async def test_a_stream_whose_handle_is_ended_goes_back_to_tws(redis_url: str, session: str) -> None:
    async with (
        Simulator() as sim,
        worker(redis_url, session, sim.port, FAST, SOON, SOON_LEFT),
        front_at(redis_url, session) as front,
    ):
        await front.writable()
        opened = await front.ask("open_market_data", symbol="SPY", keep=True)
        one = handle(front, "quotes", opened["stream"], symbol="SPY", conId=opened["contract"]["conId"])
        await front.bus_client.streams.add(one)
        await asyncio.sleep(2)
        assert not sim.journal.entries("in", 2)  # cancelMktData
        await front.bus_client.streams.end(one)
        await until(lambda: bool(sim.journal.entries("in", 2)), "the line is given back", 10)


async def test_a_stream_that_tws_refuses_is_tried_again_later(
    redis_url: str, session: str, logs: list[EventDict]
) -> None:
    async with Simulator() as sim, front_at(redis_url, session) as front:
        await front.bus_client.streams.add(handle(front, "quotes", "quotes-7", symbol="NOSUCH", conId=7))
        async with worker(redis_url, session, sim.port, FAST):
            await until(lambda: any(each["event"] == "stream_not_opened" for each in logs), "it is refused", 15)
            await front.ask("open_market_data", symbol="SPY")  # others are served

    assert sum(each["event"] == "stream_not_opened" for each in logs) == 1


async def test_a_handle_that_makes_no_sense_ends_no_term(redis_url: str, session: str, logs: list[EventDict]) -> None:
    """Fronts write handles, and one that is taken over writes anything."""
    made_up: list[tuple[str, dict[str, Any]]] = [
        ("quotes", {}),
        ("quotes", {"conId": []}),
        ("account", {}),
        ("bars", {"strike": "x"}),
        ("news", {"a": 1}),
    ]
    async with Simulator() as sim, front_at(redis_url, session) as front:
        for number, (kind, arguments) in enumerate(made_up):
            one = handle(front, kind, f"no stream {number}", **arguments)
            await front.bus_client.streams.add(StreamHandle(**{**_fields(one), "handle": f"s-{number}"}))
        async with worker(redis_url, session, sim.port, FAST):
            await until(lambda: _not_opened(logs) == len(made_up), "all were tried", 15)
            await front.ask("open_market_data", symbol="SPY")


async def test_a_stream_in_another_clients_name_is_not_opened(
    redis_url: str, session: str, tmp_path: Path, logs: list[EventDict]
) -> None:
    """A front that was taken over writes a handle. It counts only if its client has asked the worker for the stream."""
    clients = write_clients(tmp_path / "clients.json", {"claude": {}, "other": {}})
    async with (
        Simulator() as sim,
        front_at(redis_url, session) as front,
        trading(redis_url, session, sim, FAST, clients_file=clients),
    ):
        own, account = as_client(front, "claude"), "account-DU1234567"
        opened = await own.ask("open_market_data", symbol="SPY", keep=True)
        asked = {"symbol": "SPY", "conId": opened["contract"]["conId"]}
        forged = [
            handle(front, "account", account, account="DU1234567"),
            handle(front, "account", opened["stream"], account="DU1234567"),  # under a grant for something else
            msgspec.structs.replace(handle(front, "quotes", opened["stream"], **asked), principal="other"),
        ]
        for number, each in enumerate(forged):
            await front.bus_client.streams.add(msgspec.structs.replace(each, handle=f"s-{number}"))
        await until(lambda: _not_granted(logs) == {"s-0", "s-2"}, "those without a grant are told")
        await asyncio.sleep(1.2)

        assert await entries(front, account) == []
        assert await has(front, opened["stream"], "quote")


async def test_handles_of_an_earlier_release_go_on(redis_url: str, session: str, tmp_path: Path) -> None:
    clients = write_clients(tmp_path / "clients.json", {"claude": {}})
    async with Simulator() as sim, front_at(redis_url, session) as front:
        account = "account-DU1234567"
        await front.bus_client.streams.add(handle(front, "account", account, account="DU1234567"))
        async with trading(redis_url, session, sim, FAST, clients_file=clients):
            await until(lambda: has(front, account, "value"), "the account's values are written", 15)


def _not_granted(logs: list[EventDict]) -> set[str]:
    return {each["handle"] for each in logs if each["event"] == "stream_not_granted"}


def _not_opened(logs: list[EventDict]) -> int:
    return sum(each["event"] == "stream_not_opened" for each in logs)
