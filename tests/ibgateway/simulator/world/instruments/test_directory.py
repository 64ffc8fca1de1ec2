"""What a client may ask for, and what it gets: one contract, several, or a refusal."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ibgateway.simulator.model import values as v
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.world import World, WorldConfig
from tests.stacks.ibgateway.world_and_trader import AAPL, ES, EURUSD, START, at, new_world, option, stock

DEFAULTS = ("AAPL", "MSFT", "IBM", "GOOG", "META", "SPY", "VTI", "QQQ", "NVDA", "JPM", "TSLA", "AMZN")


@pytest.mark.parametrize("symbol", DEFAULTS)
def test_well_known_symbols_are_one_contract(quiet: World, symbol: str) -> None:
    (details,) = quiet.contract_details(stock(symbol))

    assert details.contract == quiet.resolve(stock(symbol))
    assert details.contract.symbol == symbol
    assert details.contract.exchange == "SMART"
    assert details.minTick == 0.01
    assert len(details.validExchanges.split(",")) == len(details.marketRuleIds.split(","))


def test_apple_is_as_a_real_gateway_describes_it(quiet: World) -> None:
    (details,) = quiet.contract_details(AAPL)
    contract = details.contract

    assert (contract.conId, contract.primaryExchange, contract.tradingClass) == (265598, "NASDAQ", "NMS")
    assert (details.marketName, details.longName, details.stockType) == ("NMS", "APPLE INC", "COMMON")
    assert (details.industry, details.category, details.subcategory) == ("Technology", "Computers", "Computers")
    assert details.secIdList == (("ISIN", "US0378331005"),)
    assert details.timeZoneId == "US/Eastern"
    assert (details.minSize, details.sizeIncrement, details.suggestedSizeIncrement) == (
        Decimal("0.0001"),
        Decimal("0.0001"),
        Decimal(100),
    )
    assert details.tradingHours.startswith("20250611:0400-20250611:2000;20250612:0400-")


def test_a_contract_id_alone_is_enough(quiet: World) -> None:
    assert quiet.resolve(v.Contract(conId=265598)).symbol == "AAPL"
    with pytest.raises(v.Refusal, match="No security definition"):
        quiet.resolve(v.Contract(conId=265599))


@pytest.mark.parametrize(
    "contract",
    [
        v.Contract(symbol="SAP", secType="STK", exchange="SMART"),
        v.Contract(symbol="VOD", secType="STK"),
        v.Contract(symbol="ES", secType="FUT", exchange="CME"),
        v.Contract(symbol="AAPL", secType="OPT", exchange="SMART", currency="USD", strike=430.0),
        v.Contract(symbol="AAPL", secType="OPT", exchange="SMART", lastTradeDateOrContractMonth="20250613", right="C"),
    ],
)
def test_an_ambiguous_contract_is_refused_and_its_candidates_are_told(quiet: World, contract: v.Contract) -> None:
    with pytest.raises(v.Refusal, match="ambiguous") as refusal:
        quiet.resolve(contract)
    assert refusal.value.code == 200
    assert len({each.contract.conId for each in quiet.contract_details(contract)}) > 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"symbol": "NOSUCH", "secType": "STK"}, 200),
        ({"symbol": "AAPL", "secType": "STK", "currency": "JPY"}, 200),
        ({"symbol": "AAPL", "secType": "STK", "exchange": "NOWHERE"}, 200),
        ({"symbol": "AAPL", "secType": "FUT"}, 200),
        ({"symbol": "AAPL", "secType": ""}, 321),
        ({"symbol": "AAPL", "secType": "NONSENSE"}, 321),
        ({"secType": "STK"}, 321),
        ({"symbol": "AAPL", "secType": "OPT", "lastTradeDateOrContractMonth": "20250614"}, 200),
        ({"symbol": "AAPL", "secType": "OPT", "lastTradeDateOrContractMonth": "20250613", "strike": 431.7}, 200),
        ({"symbol": "AAPL", "secType": "OPT", "lastTradeDateOrContractMonth": "20250606"}, 200),
    ],
)
def test_what_does_not_exist_is_refused(quiet: World, fields: dict[str, str], code: int) -> None:
    with pytest.raises(v.Refusal) as refusal:
        quiet.contract_details(v.Contract(**fields))  # type: ignore[arg-type]
    assert refusal.value.code == code


def test_old_exchange_names_still_work(quiet: World) -> None:
    assert quiet.resolve(stock("AAPL", exchange="ISLAND")).conId == 265598


def test_a_stock_is_found_by_its_isin(quiet: World) -> None:
    contract = v.Contract(secIdType="ISIN", secId="US0378331005", exchange="SMART")

    assert quiet.resolve(contract).symbol == "AAPL"


def test_a_bond_is_found_by_its_cusip(quiet: World) -> None:
    (details,) = quiet.contract_details(v.Contract(symbol="91282CHT1", secType="BOND", exchange="SMART"))

    assert details.bond is not None
    assert (details.bond.coupon, details.bond.maturity) == (3.875, "20330815")


def test_futures_are_listed_by_quarter_and_named_by_month_and_year(quiet: World) -> None:
    found = quiet.contract_details(v.Contract(symbol="ES", secType="FUT", exchange="CME"))

    assert [each.contract.localSymbol for each in found] == ["ESM5", "ESU5", "ESZ5", "ESH6", "ESM6", "ESU6"]
    assert found[1].contract.lastTradeDateOrContractMonth == "20250919"
    assert (found[1].contract.multiplier, found[1].minTick) == ("50", 0.25)
    assert quiet.resolve(ES) == found[1].contract
    assert quiet.resolve(v.Contract(localSymbol="ESU5", secType="FUT", exchange="CME")) == found[1].contract


def test_expired_futures_are_told_only_when_asked_for(quiet: World) -> None:
    contract = v.Contract(symbol="ES", secType="FUT", exchange="CME", lastTradeDateOrContractMonth="202503")
    with pytest.raises(v.Refusal):
        quiet.contract_details(contract)

    (found,) = quiet.contract_details(
        v.Contract(
            symbol="ES", secType="FUT", exchange="CME", lastTradeDateOrContractMonth="202503", includeExpired=True
        )
    )
    assert found.contract.localSymbol == "ESH5"


def test_an_option_chain_lists_options_that_resolve(quiet: World) -> None:
    chains = quiet.option_chains("AAPL", "", "STK", 265598)
    smart = next(chain for chain in chains if chain.exchange == "SMART")
    assert len(smart.strikes) >= 40
    assert len(smart.expirations) >= 12

    for expiry in smart.expirations:
        for strike in smart.strikes[::20]:
            found = quiet.resolve(option(strike, "P", expiry))
            assert quiet.resolve(v.Contract(conId=found.conId)) == found
            assert quiet.contract_details(found)[0].underConId == 265598


def test_an_index_has_weekly_and_monthly_classes_and_a_future_its_own_chain(quiet: World) -> None:
    assert {chain.tradingClass for chain in quiet.option_chains("SPX", "", "IND", 416904)} == {"SPX", "SPXW"}
    future = quiet.resolve(ES)
    (chain,) = quiet.option_chains("ES", "CME", "FUT", future.conId)
    assert chain.multiplier == "50"
    assert quiet.option_chains("KO", "", "STK", 265598) == []


def test_every_contract_id_is_one_instrument() -> None:
    fixed = Directory().fixed()

    assert len({each.conId for each in fixed}) == len(fixed)
    assert all(0 < each.conId < 2**31 for each in fixed)


def test_searching_finds_symbols_and_names(quiet: World) -> None:
    assert quiet.matching_symbols("AAPL")[0].contract.conId == 265598
    assert "MSFT" in [each.contract.symbol for each in quiet.matching_symbols("micro")]
    assert quiet.matching_symbols("qqqqqq") == []
    assert 0 < len(quiet.matching_symbols("a")) <= 16


def test_market_rules_tell_the_tick(quiet: World) -> None:
    for contract in (AAPL, ES, EURUSD, option(430.0)):
        (details,) = quiet.contract_details(contract)
        rule = quiet.market_rule(int(details.marketRuleIds.split(",")[0]))
        assert rule[0].increment == details.minTick
    with pytest.raises(v.Refusal):
        quiet.market_rule(999_999)


def test_smart_components_belong_to_a_contracts_exchange_map(quiet: World) -> None:
    components = quiet.smart_components(quiet.bbo_exchange(quiet.resolve(AAPL)))

    assert len({each.exchangeLetter for each in components}) == len(components) > 10
    assert quiet.depth_exchanges()


def test_a_schedule_lists_the_sessions_of_so_many_days(quiet: World) -> None:
    sessions = quiet.schedule(quiet.resolve(AAPL), START, 30, True)

    assert [each.refDate for each in sessions][-3:] == ["20250609", "20250610", "20250611"]
    assert "20250526" not in [each.refDate for each in sessions]
    assert (sessions[-1].start, sessions[-1].end) == (at(9, 30), at(16))


@pytest.mark.parametrize(
    ("symbol", "kind"),
    [
        ("AAPL", "recorded"),
        ("META", "recorded"),
        ("JPM", "close only"),
        ("SPY", "derived"),
        ("VTI", "derived"),
        ("NVDA", "synthetic"),
        ("EUR.USD", "synthetic"),
    ],
)
def test_each_symbol_says_what_its_history_is(quiet: World, symbol: str, kind: str) -> None:
    assert quiet.history_of(symbol).split(":")[0] == kind


def test_recorded_history_ends_on_one_day_whenever_the_clock_starts() -> None:
    world = new_world(start=START)

    bars = world.bars(world.resolve(AAPL), None, "2 D", "1 day", "TRADES", True).bars

    # the last recorded day of the source, 2013-03-01
    assert (bars[0].open, bars[0].high, bars[0].low, bars[0].close) == (438.0, 438.18, 429.98, 430.47)
    assert bars[0].volume == 19_730_300


@pytest.mark.trial("C16")
@pytest.mark.parametrize("symbol", ["AAPL", "KO", "NVDA", "SPY"])
def test_one_seed_is_one_market_whenever_the_clock_starts(symbol: str) -> None:
    stock = v.Contract(symbol=symbol, secType="STK", exchange="SMART", currency="USD")
    end = datetime(2004, 5, 28, 20, tzinfo=UTC).timestamp()
    starts = [datetime(2004, 6, 1, 15, tzinfo=UTC), datetime(2007, 3, 1, 15, tzinfo=UTC)]
    early = [_closes(new_world(start=start.timestamp()), stock, end) for start in starts]
    end = at(16, day=10)
    late = [_closes(new_world(start=start), stock, end) for start in (START, at(10, day=20), START + 400 * 86_400)]

    assert early[0] == early[1]
    assert late[0] == late[1] == late[2]
    assert len(set(early[0])) > 5


def _closes(world: World, contract: v.Contract, end: float) -> list[float]:
    return [bar.close for bar in world.bars(world.resolve(contract), end, "2 W", "1 day", "TRADES", True).bars]


@pytest.mark.trial("C9")
def test_price_levels_of_2025_are_plausible_with_strikes_to_match() -> None:
    world = World(WorldConfig(1, START, price_levels="2025"))
    closes = {
        symbol: _closes(
            world, v.Contract(symbol=symbol, secType="STK", exchange="SMART", currency="USD"), at(16, day=10)
        )
        for symbol in ("AAPL", "MSFT", "SPY", "KO", "NVDA")
    }
    chain = world.option_chains("MSFT", "", "STK", 272093)[0]

    assert {symbol: round(each[-1]) for symbol, each in closes.items()} == {
        "AAPL": 203, "MSFT": 471, "SPY": 604, "KO": 71, "NVDA": 142,
    }  # fmt: skip
    assert 20 < len(chain.strikes) < 200
    assert min(chain.strikes) < 471 < max(chain.strikes)
