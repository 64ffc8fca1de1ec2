"""Reads over the whole path but the front: bus, dispatch, session, wire, simulator and back."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from bridge.bus.client.client import BusClient
from bridge.tool import OPERATIONS, ToolError
from ib_worker.pacing.caller import max_share
from ib_worker.pacing.history_pacer import HISTORY_IN_WINDOW
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.stacks.worker import caller, trading, worker
from tests.waiting import until

SPY = 756733


async def test_a_contract_is_asked_once_and_remembered(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        first = await front.ask("get_contract_details", symbol="AAPL")
        again = await front.ask("get_contract_details", symbol="AAPL")

        assert first == again
        assert (first[0]["contract"]["conId"], first[0]["longName"]) == (265598, "APPLE INC")
        assert len(sim.journal.entries("in", 9)) == 1


async def test_callers_at_once_share_one_request(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        answers = await asyncio.gather(*(front.ask("get_contract_details", symbol="IBM") for _ in range(10)))

        assert len({str(each) for each in answers}) == 1
        assert len(sim.journal.entries("in", 9)) == 1


@pytest.mark.fault(38)
async def test_an_unknown_symbol_is_an_error(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        for operation in ("get_contract_details", "get_historical_data", "open_market_data"):
            assert (await front.refused(operation, symbol="NOSUCHTHING")).code == "not_found"
        assert (await front.refused_order(symbol="NOSUCHTHING", action="BUY", totalQuantity=1)).code == "not_found"
        assert sim.journal.orders() == []


@pytest.mark.fault(38)
async def test_an_ambiguous_contract_lists_its_candidates(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        error = await front.refused("get_historical_data", symbol="ES", secType="FUT", exchange="CME")

        assert error.code == "ambiguous_contract"
        candidates = error.details["candidates"]
        assert len(candidates) > 1
        one = await front.ask(
            "get_historical_data", symbol="ES", secType="FUT", conId=candidates[0]["conId"], durationStr="2 D"
        )
        assert one


async def test_a_long_list_of_candidates_is_cut(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        error = await front.refused(
            "open_market_data", symbol="SPY", secType="OPT", lastTradeDateOrContractMonth="202507"
        )

        assert len(error.details["candidates"]) == 20
        assert "of which 20 are listed" in error.message


async def test_a_conid_must_agree_with_its_symbol(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        error = await front.refused("get_contract_details", symbol="IBM", conId=265598)
        right = await front.ask("get_contract_details", symbol="aapl", conId=265598)

        assert (error.code, "symbol" in error.message) == ("invalid_arguments", True)
        assert right[0]["contract"]["symbol"] == "AAPL"


@pytest.mark.fault(35)
async def test_positions_come_from_what_tws_has_told(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        asked = len(sim.journal.entries("in", 61))

        answers = await asyncio.gather(*(front.ask("get_positions") for _ in range(5)))

        assert len({str(each) for each in answers}) == 1
        assert {each["contract"]["symbol"] for each in answers[0]} >= {"SPY", "IBM"}
        assert len(sim.journal.entries("in", 61)) == asked


async def test_a_positions_change_is_seen(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        before = {each["contract"]["symbol"]: each["position"] for each in await front.ask("get_positions")}

        await front.submit("place_order", symbol="SPY", action="SELL", totalQuantity=int(before["SPY"]))

        async def sold() -> bool:
            return "SPY" not in {each["contract"]["symbol"] for each in await front.ask("get_positions")}

        await until(sold, "the position is closed")


@pytest.mark.fault(35)
async def test_an_account_summary_is_complete_and_leaves_no_subscription(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        both = await asyncio.gather(front.ask("get_account_summary"), front.ask("get_account_summary"))

        tags = {each["tag"]: each["value"] for each in both[0]}
        assert both[0] == both[1]
        assert tags["AccountType"] == "INDIVIDUAL"
        assert tags["NetLiquidation"] > 0

        async def left() -> bool:
            return len(sim.journal.entries("in", 63)) == 1

        await until(left, "the subscription is cancelled")
        assert len(sim.journal.entries("in", 62)) == 1


async def test_daily_bars_are_dated_by_their_day(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        bars = await front.ask("get_historical_data", symbol="VTI", durationStr="5 D")

        assert [bar["date"] for bar in bars] == sorted(bar["date"] for bar in bars)
        assert bars[-1]["date"] == "2025-06-11"
        assert all(bar["low"] <= bar["open"] <= bar["high"] for bar in bars)


async def test_intraday_bars_are_dated_at_the_exchange(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        bars = await front.ask("get_historical_data", symbol="SPY", durationStr="1 D", barSizeSetting="30 mins")

        assert bars[0]["date"] == "2025-06-11T09:30:00-04:00"


async def test_identical_history_is_asked_once(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        first = await front.ask("get_historical_data", symbol="SPY", durationStr="5 D")
        second = await front.ask("get_historical_data", symbol="SPY", durationStr="5 D")

        assert first == second
        assert len(sim.journal.entries("in", 20)) == 1


@pytest.mark.fault(32)
async def test_more_history_than_tws_allows_is_refused_here(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:

        async def one(days: int) -> Any:
            what = ("TRADES", "MIDPOINT", "BID", "ASK")[days % 4]
            symbol = ("SPY", "IBM", "AAPL", "MSFT")[days // 4 % 4]
            return await front.ask("get_historical_data", symbol=symbol, durationStr=f"{days + 1} D", whatToShow=what)

        allowed = max_share(HISTORY_IN_WINDOW)
        await asyncio.gather(*(one(days) for days in range(allowed)))
        error = await front.refused("get_historical_data", symbol="VTI", durationStr="9 D")

        assert error.code == "paced"
        assert 500 < error.details["retry_after_s"] <= 600
        assert len(sim.journal.entries("in", 20)) == allowed


@pytest.mark.fault(32)
async def test_history_that_tws_refuses_says_why(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("on reqHistoricalData answer 162 HMDS query returned no data")
    sim.fault("on reqHistoricalData answer 162 Historical data request pacing violation")
    async with trading(redis_url, session, sim) as front:
        nothing = await front.refused("get_historical_data", symbol="SPY")
        paced = await front.refused("get_historical_data", symbol="IBM")
        bars = await front.ask("get_historical_data", symbol="AAPL")

        assert (nothing.code, paced.code) == ("no_data", "paced")
        assert len(bars) > 200


async def test_a_request_that_is_never_answered_is_given_up_upstream(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("on reqHistoricalData each ignore")
    async with trading(redis_url, session, sim) as front:
        asking = asyncio.create_task(front.ask("get_historical_data", symbol="SPY"))
        await until(lambda: sim.journal.entries("in", 20), "the request is under way")

        sim.fault("reset")

        error = (await asyncio.gather(asking, return_exceptions=True))[0]
        assert getattr(error, "code", None) == "retry"


@pytest.mark.fault(35)
async def test_profit_and_loss_is_asked_once_for_all_and_left(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("delay pnl 0.5 1")
    async with trading(redis_url, session, sim) as front:
        answers = await asyncio.gather(*(front.ask("get_pnl") for _ in range(3)))
        single = await front.ask("get_pnl_single", symbol="spy")
        by_id = await front.ask("get_pnl_single", conId=SPY, account="DU1234567")
        whole = await front.ask("get_pnl_single")

        assert {each["account"] for each in answers} == {"DU1234567"}
        assert answers[0]["dailyPnL"] is not None
        assert (single["conId"], single["symbol"], single["position"]) == (SPY, "SPY", by_id["position"])
        assert (whole["conId"], whole["value"]) == (None, None)
        counts = {each: len(sim.journal.entries("in", each)) for each in (92, 94)}
        assert counts == {92: 2, 94: 2}
        await until(lambda: len(sim.journal.entries("in", 93)) == 2, "both subscriptions are left")
        await until(lambda: len(sim.journal.entries("in", 95)) == 2, "both are left")


@pytest.mark.fault(28)
async def test_profit_and_loss_that_tws_has_not_computed_is_null(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("rewrite pnl 3 1.7976931348623157E308")
    async with trading(redis_url, session, sim) as front:
        pnl = await front.ask("get_pnl")

        assert pnl["unrealizedPnL"] is None
        assert pnl["dailyPnL"] is not None


async def test_a_symbol_that_is_not_held_is_looked_up(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        asked = asyncio.create_task(front.ask("get_pnl_single", symbol="VTI"))
        await until(lambda: sim.journal.entries("in", 94) or asked.done(), "the contract is known")

        outcome = (await asyncio.gather(asked, return_exceptions=True))[0]
        assert isinstance(outcome, dict | Exception)
        assert len(sim.journal.entries("in", 9)) == 1


@pytest.mark.trial("D2")
async def test_one_of_several_accounts_must_be_named(redis_url: str, session: str) -> None:
    config = SimulatorConfig(accounts=("DU1111111", "DU2222222"))
    async with Simulator(config) as sim, trading(redis_url, session, sim) as front:
        missing = await front.refused("get_pnl")
        wrong = await front.refused("get_pnl", account="DU3333333")
        right = await front.ask("get_pnl", account="DU2222222")
        for read in ("get_positions", "get_account_summary"):
            every, one = await front.ask(read, account="All"), await front.ask(read, account="DU1111111")
            assert {each["account"] for each in every} == {"DU1111111", "DU2222222"}  # as TWS's own request names it
            assert len(every) == 2 * len(one)

        assert (missing.code, missing.details["accounts"]) == ("account_required", ["DU1111111", "DU2222222"])
        assert wrong.code == "wrong_account"
        assert right["account"] == "DU2222222"


@pytest.mark.fault(33)
async def test_what_is_not_known_is_not_shown(redis_url: str, session: str) -> None:
    config = SimulatorConfig(faults="swallow execDetailsEnd")
    async with Simulator(config) as sim, worker(redis_url, session, sim.port), caller(redis_url, session) as front:
        await front.reaches("syncing")

        for operation in ("get_positions", "get_open_orders", "get_executions", "get_account_summary", "get_pnl"):
            assert (await front.refused(operation)).code == "not_ready"


@pytest.mark.fault(31)
async def test_a_read_only_gateway_shows_positions_and_no_orders(redis_url: str, session: str) -> None:
    faults = "read-only on\non reqOpenOrders each answer 321 The API interface is currently in Read-Only mode."
    async with Simulator(SimulatorConfig(faults=faults)) as sim, trading(redis_url, session, sim) as front:
        assert await front.ask("get_positions")
        assert (await front.refused("get_open_orders")).code == "read_only"


async def test_arguments_that_are_none_are_named(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        error = await _raw(front.asker, "get_historical_data", '{"symbol":"SPY","limitPrice":5}')

        assert error.code == "invalid_arguments"
        assert error.details["faults"][0]["field"] == "limitPrice"


async def test_an_operation_of_a_newer_front_is_refused(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        error = await _raw(front.asker, "get_something_new", "{}")

        assert "no operation get_something_new" in error.message


@dataclass
class Raw:
    """Arguments that no front of this release would send."""

    json: str

    def model_dump_json(self, **_: Any) -> str:
        return self.json


async def _raw(asker: BusClient, operation: str, arguments: str) -> ToolError:
    declared = replace(OPERATIONS["get_positions"], name=operation)
    try:
        answer = await asker.ask(declared, Raw(arguments), caller="claude", request_id="r-1")  # type: ignore[arg-type]
    except ToolError as error:
        return error
    raise AssertionError(f"answered: {answer!r}")


async def test_connecting_to_where_the_session_is_says_so(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        plain = await front.ask("connect")
        named = await front.ask("connect", host="127.0.0.1", port=sim.port, clientId=7)

        assert (plain["status"], plain["port"], plain["clientId"], plain["serverVersion"]) == (
            "connected",
            sim.port,
            1,
            178,
        )
        assert plain["accounts"] == ["DU1234567"]
        assert "connected already" in plain["message"]
        assert "7 was not used" in named["message"]
        assert len(sim.journal.entries("in", 71)) == 1


async def test_a_gateway_that_is_not_allowed_is_refused_with_the_list(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, gateway_allowed="10.0.0.1:4001") as front:
        error = await front.refused("connect", host="192.168.0.1")

        assert error.code == "host_not_allowed"
        assert error.details["allowed"] == [f"127.0.0.1:{sim.port}", "10.0.0.1:4001"]


@pytest.mark.trial("D24")
@pytest.mark.parametrize(
    "named",
    [
        {"host": "127.0.0.1", "port": 7496, "clientId": 1},  # as the API's reference has it
        {"host": "localhost", "port": 4002},
        {"host": "127.0.0.1"},
    ],
)
async def test_loopback_means_the_sessions_gateway_where_that_is_on_another_host(
    redis_url: str, session: str, named: dict[str, Any]
) -> None:
    async with (
        Simulator(SimulatorConfig(host="127.0.0.2")) as sim,
        trading(redis_url, session, sim, gateway_host="127.0.0.2") as front,
    ):
        answer = await front.ask("connect", **named)
        elsewhere = await front.refused("connect", host="127.0.0.1", port=6379)

    assert (answer["status"], answer["host"], answer["port"]) == ("connected", "127.0.0.2", sim.port)
    assert f"Its gateway is 127.0.0.2:{sim.port}" in answer["message"]
    assert elsewhere.code == "host_not_allowed"


@pytest.mark.trial("D24")
async def test_another_port_of_the_gateways_own_machine_is_another_gateway(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        assert (await front.refused("connect", host="127.0.0.1", port=7496)).code == "host_not_allowed"


async def test_a_change_of_gateway_waits_until_others_are_done(redis_url: str, session: str, sim: Simulator) -> None:
    async with Simulator() as other:
        allowed = f"127.0.0.1:{other.port}"
        async with trading(redis_url, session, sim, gateway_allowed=allowed) as front:
            async with caller(redis_url, session, "cursor") as second:
                await second.ask("get_positions")
            refused = await front.refused("connect", port=other.port)
            assert (refused.code, refused.details["clients"]) == ("in_use", ["cursor"])

    async with Simulator() as other:
        allowed = f"127.0.0.1:{other.port}"
        async with trading(redis_url, f"{session}b", sim, gateway_allowed=allowed) as front:
            changed = await front.ask("connect", port=other.port)
            assert changed["port"] == other.port


async def test_connecting_fails_with_what_is_wrong(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.ask("disconnect")
        sim.fault("door slam")

        error = await front.refused("connect")

        assert error.code == "gateway_unreachable"


async def test_a_disconnect_is_felt_by_all_and_says_by_whom(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        async with caller(redis_url, session, "cursor") as second:
            await second.ask("get_positions")
        told = await front.ask("disconnect")

        status = await front.reaches("disconnected")
        assert (told["status"], told["recent_clients"]) == ("disconnected", ["cursor"])
        assert "claude" in status["cause"]
        assert (await front.refused("get_positions")).code == "not_ready"
        assert (await front.ask("connect"))["status"] == "connected"
        assert await front.ask("get_positions")


async def test_the_status_names_who_uses_the_session(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.ask("get_positions")

        async def named() -> bool:
            return bool((await front.status())["recent_clients"] == ["claude"])

        await until(named, "the caller is named")
        status = await front.status()
        assert (status["is_connected"], status["mode"], status["worker_version"]) == (True, "paper", "0.1.0")
        assert datetime.fromisoformat(status["since"]).tzinfo is not None


async def test_a_late_answer_does_not_get_mixed_up(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("delay execDetailsEnd 0.3 1")
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", symbol="AAPL", action="BUY", totalQuantity=1)

        assert len(await front.ask("get_executions")) == 1


@pytest.mark.fault(39)
async def test_no_market_data_is_an_error_and_uses_no_line(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("entitlement none")
    async with trading(redis_url, session, sim) as front:
        error = await front.refused("open_market_data", symbol="SPY")

        assert error.code == "no_data"
        assert (await front.status())["market_data_lines"] == 0

        sim.fault("entitlement live")
        assert (await front.ask("open_market_data", symbol="SPY"))["quote"]["marketDataType"] == "live"


@pytest.mark.fault(85)
async def test_an_orders_lookups_do_not_wait_behind_reads(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        symbols = [f"NOSUCH{number}" for number in range(150)]
        reads = [asyncio.create_task(front.refused("get_contract_details", symbol=symbol)) for symbol in symbols]
        await until(lambda: len(sim.journal.entries("in", 9)) > 5, "the reads are on their way")

        await front.submit("place_order", symbol="AAPL", action="BUY", totalQuantity=1)

        waiting = len(symbols) - len(sim.journal.entries("in", 9))
        await asyncio.gather(*reads)
        assert waiting > 50


async def test_a_symbol_that_is_held_twice_must_be_told_apart(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        chain = await front.ask(
            "get_contract_details", symbol="SPY", secType="OPT", right="C", lastTradeDateOrContractMonth="202507"
        )
        option = chain[0]["contract"]
        asked = {"symbol": "SPY", "secType": "OPT", "conId": option["conId"], "action": "BUY", "totalQuantity": 1}
        await front.submit("place_order", **asked)

        async def held() -> bool:
            return option["conId"] in {each["contract"]["conId"] for each in await front.ask("get_positions")}

        await until(held, "the option is held")
        error = await front.refused("get_pnl_single", symbol="SPY")

        assert error.code == "ambiguous_contract"
        assert {each["conId"] for each in error.details["candidates"]} == {756733, option["conId"]}
