"""Groups of fields that several requests share: a contract, its legs, counts and lists of options."""

from __future__ import annotations

import pytest
from ib_async import (
    ComboLeg,
    Contract,
    DeltaNeutralContract,
)

from ibgateway.simulator.model import contracts as model_contracts
from ibgateway.simulator.wire import requests
from ibgateway.simulator.wire.encoding.layout import Fields
from ibgateway.simulator.wire.encoding.text import BadText
from ibgateway.simulator.wire.requests.fields import MAX_LEGS, contract_fields, count, counted_options, options, pairs
from tests.stacks.ibgateway.ib_async_codec import sent_by_ib_async


def test_a_combo_is_read_with_its_legs_and_a_delta_neutral_contract() -> None:
    spread = Contract(symbol="AAPL", secType="BAG", currency="USD", exchange="SMART")
    spread.comboLegs = [ComboLeg(1, 1, "BUY", "SMART"), ComboLeg(2, 3, "SELL", "CBOE")]
    spread.deltaNeutralContract = DeltaNeutralContract(265598, 0.5, 201.0)

    read = requests.decode(sent_by_ib_async(178, "reqMktData", 7, spread, "", False, False, []), 178).contract

    assert read.comboLegs == (
        model_contracts.ComboLeg(1, 1, "BUY", "SMART"),
        model_contracts.ComboLeg(2, 3, "SELL", "CBOE"),
    )
    assert read.deltaNeutralContract == model_contracts.DeltaNeutralContract(265598, 0.5, 201.0)


def fields(*texts: str) -> Fields:
    return Fields(list(texts), 200)


def test_a_strike_of_0_is_no_strike() -> None:
    sent = ["0", "SPY", "STK", "", "0.0", "", "", "SMART", "ARCA", "USD", "", ""]

    read = contract_fields(fields(*sent))

    assert read == model_contracts.Contract(
        symbol="SPY", secType="STK", exchange="SMART", primaryExchange="ARCA", currency="USD"
    )


@pytest.mark.parametrize("text", ["-1", str(MAX_LEGS + 1), "999999999999"])
def test_a_count_that_no_client_means_is_refused_and_not_looped_over(text: str) -> None:
    with pytest.raises(BadText, match="a count of"):
        count(fields(text))


def test_a_count_may_be_left_empty() -> None:
    assert (count(fields("")), count(fields("2"))) == (0, 2)


def test_tags_and_values_are_counted_or_one_text() -> None:
    assert pairs(fields("2", "a", "1", "b", "2")) == (("a", "1"), ("b", "2"))
    assert options("a=1;b=x=y;") == (("a", "1"), ("b", "x=y"))


def test_a_count_before_the_options_text_is_passed_over() -> None:
    assert counted_options(fields("1", "a=1;")) == (("a", "1"),)
    assert counted_options(fields("a=1;")) == (("a", "1"),)
