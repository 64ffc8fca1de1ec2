"""What a client may name, and what it gets: one contract, several, or a refusal."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import stock


def test_a_contract_id_alone_is_enough(quiet: World) -> None:
    assert quiet.resolve(Contract(conId=265598)).symbol == "AAPL"
    with pytest.raises(Refusal, match="No security definition"):
        quiet.resolve(Contract(conId=265599))


@pytest.mark.parametrize(
    "contract",
    [
        Contract(symbol="SAP", secType="STK", exchange="SMART"),
        Contract(symbol="VOD", secType="STK"),
        Contract(symbol="ES", secType="FUT", exchange="CME"),
        Contract(symbol="AAPL", secType="OPT", exchange="SMART", currency="USD", strike=430.0),
        Contract(symbol="AAPL", secType="OPT", exchange="SMART", lastTradeDateOrContractMonth="20250613", right="C"),
    ],
)
def test_an_ambiguous_contract_is_refused_and_its_candidates_are_told(quiet: World, contract: Contract) -> None:
    with pytest.raises(Refusal, match="ambiguous") as refusal:
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
    with pytest.raises(Refusal) as refusal:
        quiet.contract_details(Contract(**fields))  # type: ignore[arg-type]
    assert refusal.value.code == code


def test_old_exchange_names_still_work(quiet: World) -> None:
    assert quiet.resolve(stock("AAPL", exchange="ISLAND")).conId == 265598


def test_a_stock_is_found_by_its_isin(quiet: World) -> None:
    contract = Contract(secIdType="ISIN", secId="US0378331005", exchange="SMART")

    assert quiet.resolve(contract).symbol == "AAPL"
