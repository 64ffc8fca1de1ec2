"""The portfolio and account values by name, at the simulator over TCP, against its own books."""

import asyncio
from typing import Any

import pytest

from bridge.tool import ToolError
from bridge.tools.portfolio import GetAccountValues, GetPortfolio, PortfolioTable
from ib_worker.handlers import portfolio as handler
from ib_worker.handlers.portfolio import get_account_values, get_portfolio
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.stacks.worker import Stand, caller, order, ready_session, trading, worker
from tests.waiting import until

UPDATES, SINGLE, CANCEL_SINGLE = 6, 94, 95  # TWS's message ids of reqAccountUpdates, reqPnLSingle and its cancel
SAP = {"symbol": "SAP", "exchange": "IBIS", "currency": "EUR"}
VOD = {"symbol": "VOD", "exchange": "LSE", "currency": "GBP"}
UNKNOWN = "1.7976931348623157E308"
STILL = 1e-6  # a simulator's seconds in one of ours: its books do not move


async def portfolio_of(stand: Stand, **arguments: Any) -> PortfolioTable:
    return await get_portfolio(GetPortfolio.model_validate(arguments), stand.session)


def by_name(told: PortfolioTable) -> dict[Any, dict[str, Any]]:
    rows = [told.same | dict(zip(told.columns, row, strict=True)) for row in told.rows]
    return {row["name"]: row for row in rows}


async def test_positions_are_told_with_prices_values_profits_and_weights(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        told = PortfolioTable.model_validate(await front.ask("get_portfolio"))

    rows, (totals,) = list(by_name(told).values()), told.accounts
    assert [row["name"] for row in rows] == ["SPY", "IBM", "MSFT"]
    assert (told.count, told.truncated, told.simulated, told.message) == (3, False, True, None)
    assert (totals.account, totals.currency, totals.positions, totals.rates) == ("DU1234567", "USD", 3, {})
    assert totals.netLiquidation is not None
    for row in rows:
        assert row["marketValue"] == round(row["position"] * row["marketPrice"], 2)
        assert row["unrealizedPnL"] == pytest.approx(row["position"] * (row["marketPrice"] - row["avgPrice"]), abs=0.01)
        assert row["weight"] == round(row["marketValue"] / totals.netLiquidation * 100, 2)
        assert 0 <= row["age_s"] < 5
    assert sum(row["dailyPnL"] for row in rows) == pytest.approx(totals.dailyPnL, abs=60)  # a moment apart
    assert [row["conId"] for row in rows] == [756733, 8314, 272093]


async def test_a_position_in_another_currency_is_right_to_the_cent(redis_url: str, session: str) -> None:
    async with Simulator(SimulatorConfig(time_factor=STILL)) as sim, trading(redis_url, session, sim) as front:
        for contract, action, held in ((SAP, "BUY", 150), (VOD, "BUY", 3000), (SAP, "SELL", 40)):
            await front.submit("place_order", **order(**contract, action=action, totalQuantity=held))
        told = PortfolioTable.model_validate(await front.ask("get_portfolio"))
        books = {each.contract.conId: each for each in sim.world.portfolio("DU1234567")}

        rows, (totals,) = by_name(told), told.accounts
        assert (rows["SAP"]["currency"], rows["SAP"]["position"], rows["VOD"]["currency"]) == ("EUR", 110, "GBP")
        assert set(totals.rates) == {"EUR", "GBP"}
        for row in rows.values():
            item, rate = books[row["conId"]], totals.rates.get(row["currency"], 1.0)
            single = sim.world.pnl_single("DU1234567", "", row["conId"])
            assert single.dailyPnL is not None
            assert row["marketValue"] == round(item.marketValue * rate, 2)
            assert row["unrealizedPnL"] == pytest.approx(item.unrealizedPNL * rate, abs=0.011)
            assert row["realizedPnL"] == pytest.approx(item.realizedPNL * rate, abs=0.011)
            assert row["dailyPnL"] == round(single.dailyPnL * rate, 2)
            assert row["marketPrice"] == pytest.approx(item.marketPrice, abs=1e-6)
        whole = sim.world.pnl("DU1234567", "")
        assert (totals.dailyPnL, totals.realizedPnL) == (round(whole.dailyPnL, 2), round(whole.realizedPnL, 2))  # type: ignore[arg-type]


async def test_an_account_in_euros_has_its_dollars_and_pounds_in_euros(redis_url: str, session: str) -> None:
    config = SimulatorConfig(time_factor=STILL, base_currency="EUR")
    async with Simulator(config) as sim, trading(redis_url, session, sim) as front:
        for contract, held in ((SAP, 150), (VOD, 3000)):
            await front.submit("place_order", **order(**contract, totalQuantity=held))
        told = PortfolioTable.model_validate(await front.ask("get_portfolio"))
        books = {each.contract.conId: each for each in sim.world.portfolio("DU1234567")}
        window = {(each.tag, each.currency): each.value for each in sim.world.account_values("DU1234567")}

        rows, (totals,) = by_name(told), told.accounts
        assert (totals.currency, set(totals.rates)) == ("EUR", {"GBP", "USD"})
        assert 0.7 < totals.rates["USD"] < 1 < totals.rates["GBP"] < 1.4
        assert totals.netLiquidation == float(window["NetLiquidation", "EUR"])
        for row in rows.values():
            item, rate = books[row["conId"]], totals.rates.get(row["currency"], 1.0)
            assert row["marketValue"] == round(item.marketValue * rate, 2)
            assert row["unrealizedPnL"] == pytest.approx(item.unrealizedPNL * rate, abs=0.011)
            assert row["weight"] == round(row["marketValue"] / totals.netLiquidation * 100, 2)
        daily = sum(row["dailyPnL"] for row in rows.values())
        assert daily == pytest.approx(totals.dailyPnL, abs=0.5)  # the rates that TWS tells have five decimals


async def test_positions_that_today_closed_are_told_with_their_profits(redis_url: str, session: str) -> None:
    async with Simulator(SimulatorConfig(time_factor=STILL)) as sim, trading(redis_url, session, sim) as front:
        before = PortfolioTable.model_validate(await front.ask("get_portfolio"))
        held = by_name(before)["MSFT"]["position"]
        await front.submit("place_order", **order(symbol="MSFT", action="SELL", totalQuantity=held))
        await front.submit("place_order", **order(symbol="IBM", action="SELL", totalQuantity=1))
        told = PortfolioTable.model_validate(await front.ask("get_portfolio"))

    rows, (totals,) = by_name(told), told.accounts
    (closed,) = told.closed_today
    assert (closed.account, closed.name, closed.conId) == ("DU1234567", "MSFT", 272093)
    assert sum([closed.realizedPnL, rows["IBM"]["realizedPnL"]]) == pytest.approx(totals.realizedPnL, abs=0.02)
    daily = sum([closed.dailyPnL, *(row["dailyPnL"] for row in rows.values())])
    assert daily == pytest.approx(totals.dailyPnL, abs=0.03)
    assert before.closed_today == []


async def test_a_currency_position_is_told_to_be_in_the_cash(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        pair = {"symbol": "EUR", "secType": "CASH", "exchange": "IDEALPRO", "currency": "USD"}
        await front.submit("place_order", **order(**pair, totalQuantity=25_000))
        told = PortfolioTable.model_validate(await front.ask("get_portfolio"))

    assert by_name(told)["EUR.USD"]["weight"] is None
    assert told.message == "EUR.USD: the currency is in cash and netLiquidation already. Do not add the row."


async def test_trades_that_tws_does_not_tell_leave_closed_positions_unknown(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "FRESH_S", 0.3)
    async with ready_session(sim) as stand:
        sim.fault("on reqExecutions ignore")
        told = await portfolio_of(stand)

    assert told.closed_today == []
    assert told.message == "TWS has not told today's executions, so positions closed today are unknown. Retry."


async def test_a_longer_portfolio_is_told_by_its_largest_positions(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        told = await portfolio_of(stand, limit=2)

        assert list(by_name(told)) == ["SPY", "IBM"]
        assert (told.count, told.truncated, told.accounts[0].positions) == (2, True, 3)
        assert told.message == "The largest 2 of 3 positions. Give a higher limit for the others."
        assert len(sim.journal.entries("in", SINGLE)) == 2
        await until(lambda: len(sim.journal.entries("in", CANCEL_SINGLE)) == 2, "the subscriptions are left")


async def test_the_accounts_subscription_stays_for_the_next_reader_and_then_ends(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        updates = stand.session.account_updates
        await updates.read("DU1234567", 0.3)
        await asyncio.gather(portfolio_of(stand), portfolio_of(stand, account="All"))
        assert len(sim.journal.entries("in", UPDATES)) == 1
        await updates.read("DU1234567", 0.01)
        await until(lambda: updates.account is None, "the subscription is left")
        await until(lambda: len(sim.journal.entries("in", UPDATES)) == 2, "TWS is told")

        assert stand.published.ticks == []  # nobody listens


async def test_a_stream_takes_a_readers_subscription_over(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        updates = stand.session.account_updates
        await updates.read("DU1234567", 0.01)
        stream = updates.open("DU1234567")
        await asyncio.sleep(0.1)
        assert updates.account == "DU1234567"
        stand.session.abandoned(stream)
        assert updates.account is None


async def test_without_an_account_every_account_is_told() -> None:
    async with Simulator(SimulatorConfig(accounts=("DU1111111", "DU2222222"))) as sim, ready_session(sim) as stand:
        sim.fault("on reqAccountUpdates notice 2104 fine")
        told, one = await asyncio.gather(portfolio_of(stand), portfolio_of(stand, account="DU2222222"))

    assert [each.account for each in told.accounts] == ["DU1111111", "DU2222222"]
    assert (told.count, one.count) == (6, 3)
    assert {row[told.columns.index("account")] for row in told.rows} == {"DU1111111", "DU2222222"}
    assert one.same["account"] == "DU2222222"


async def test_of_many_accounts_one_must_be_named() -> None:
    accounts = tuple(f"DU{number}000000" for number in range(1, 7))
    async with Simulator(SimulatorConfig(accounts=accounts)) as sim, ready_session(sim) as stand:
        with pytest.raises(ToolError, match="account_required"):
            await portfolio_of(stand)
        with pytest.raises(ToolError, match="wrong_account"):
            await portfolio_of(stand, account="DU9999999")

        assert (await portfolio_of(stand, account="DU6000000")).count == 3


async def test_while_another_account_is_streamed_the_positions_have_their_own_figures() -> None:
    async with Simulator(SimulatorConfig(accounts=("DU1111111", "DU2222222"))) as sim, ready_session(sim) as stand:
        stand.session.account_updates.open("DU1111111")
        told = await portfolio_of(stand, account="DU2222222")

        assert list(by_name(told)) == ["SPY", "IBM", "MSFT"]
        assert all(row["marketPrice"] > 0 and row["age_s"] < 5 for row in by_name(told).values())
        assert told.accounts[0].netLiquidation is not None
        assert stand.session.account_updates.account == "DU1111111"


async def test_a_models_portfolio_is_asked_for_by_its_name(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        told = await portfolio_of(stand, modelCode="Growth")

        assert told.count == 3
        assert {entry.fields[4] for entry in sim.journal.entries("in", 74)} == {"Growth"}
        assert {entry.fields[3] for entry in sim.journal.entries("in", SINGLE)} == {"Growth"}
        assert sim.journal.entries("in", UPDATES) == []


async def test_figures_that_tws_has_not_computed_are_null(sim: Simulator) -> None:
    for field in ("2", "3", "4"):
        sim.fault(f"rewrite pnl {field} {UNKNOWN}")
    for field in ("3", "4", "5", "6"):
        sim.fault(f"rewrite pnlSingle {field} {UNKNOWN}")
    sim.fault("rewrite portfolioValue 14 0")
    sim.fault("rewrite portfolioValue 15 0")
    async with ready_session(sim) as stand:
        told = await portfolio_of(stand)

    rows, (totals,) = by_name(told).values(), told.accounts
    assert (totals.dailyPnL, totals.unrealizedPnL) == (None, None)
    assert {(row["marketPrice"], row["marketValue"], row["weight"], row["dailyPnL"]) for row in rows} == {(None,) * 4}
    assert [row["name"] for row in rows] == ["SPY", "IBM", "MSFT"]  # by their cost


async def test_an_account_without_positions_has_its_totals(sim: Simulator) -> None:
    sim.fault("on reqPnLSingle each answer 321 no")
    async with ready_session(sim) as stand:
        refused = await portfolio_of(stand)
        for symbol, held in (("SPY", 100), ("IBM", 100), ("MSFT", 500)):
            sim.fault(f"liquidate SELL {held} {symbol}")

        async def sold() -> bool:
            return (await portfolio_of(stand)).count == 0

        await until(sold, "everything is sold")
        told = await portfolio_of(stand)

    assert all(row["marketPrice"] > 0 and row["dailyPnL"] is None for row in by_name(refused).values())
    assert (told.rows, told.truncated, told.accounts[0].positions) == ([], False, 0)
    assert told.accounts[0].netLiquidation is not None


async def test_a_gateway_that_is_silent_or_down_is_an_error(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("on reqAccountUpdates reset")
        broken = await front.refused("get_portfolio")
    async with worker(redis_url, session, 1), caller(redis_url, session) as front:
        await front.reaches("failed")
        down = await front.refused("get_portfolio")
        values = await front.refused("get_account_values")

    assert broken.code == "retry"
    assert (down.code, values.code) == ("gateway_unreachable", "gateway_unreachable")


async def test_account_values_are_told_by_their_names(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order())
        main = await front.ask("get_account_values")
        margin = await front.ask("get_account_values", tags="maint margin, Cushion, nonsense", account="DU1234567")
        wrong = await front.refused("get_account_values", tags=["nonsense"])
        many = await front.ask("get_account_values", tags=["e", "-S"])
        summary = await front.ask("get_account_summary", tags=["buying power", "cushion"])
        unheard = await front.refused("get_account_summary", tags=["nonsense"])

    assert [row[0] for row in main["rows"]][:2] == ["NetLiquidation", "TotalCashValue"]
    assert (main["columns"], main["truncated"], main["account"]) == (["tag", "currency", "value"], False, "DU1234567")
    assert not {"message", "unknown"} & set(main)
    assert {row[0] for row in margin["rows"]} == {
        "MaintMarginReq", "FullMaintMarginReq", "LookAheadMaintMarginReq", "Cushion",
    }  # fmt: skip
    assert margin["unknown"] == ["nonsense"]
    assert (wrong.code, unheard.code) == ("invalid_arguments", "invalid_arguments")
    assert (many["count"], many["truncated"], len(many["rows"])) == (100, True, 100)
    assert "Give longer names" in many["message"]
    assert {each["tag"] for each in summary} == {"BuyingPower", "Cushion"}


async def test_a_models_values_are_asked_for_by_its_name(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        asked = GetAccountValues(tags=["AvailableFunds"], modelCode="Growth")
        told = await get_account_values(asked, stand.session)

        assert [row[0] for row in told.rows] == ["AvailableFunds"]
        assert [entry.fields[4] for entry in sim.journal.entries("in", 76)] == ["Growth"]


async def test_values_that_come_while_the_link_breaks_are_not_told(sim: Simulator) -> None:
    sim.fault("on reqAccountUpdatesMulti link down")
    async with ready_session(sim) as stand:
        with pytest.raises(ToolError, match="link_down"):
            await get_account_values(GetAccountValues(), stand.session)


async def test_no_values_at_all_are_no_wrong_name(sim: Simulator) -> None:
    sim.fault("swallow accountUpdateMulti")
    async with ready_session(sim) as stand:
        with pytest.raises(ToolError, match=r"no_data.*no values of DU1234567"):
            await get_account_values(GetAccountValues(), stand.session)
