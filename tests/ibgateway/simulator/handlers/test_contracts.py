"""Contracts over the wire: details and their end, a bond's own message, chains, and what an option is worth."""

from __future__ import annotations

import pytest

from tests.stacks.ibgateway.direct_client import DirectClient
from tests.stacks.ibgateway.order_frames import SPY

CALL = (0, "SPY", "OPT", "20250620", 375, "C", "", "SMART", "", "USD", "", "")
BOND = (0, "US-T", "BOND", "", "", "", "", "SMART", "", "", "", "")


@pytest.fixture(scope="module")
def client() -> DirectClient:
    return DirectClient()


def test_details_end_with_their_end(client: DirectClient) -> None:
    details, end = client.ask(9, 8, 7, *SPY, 0, "", "", "")

    assert details[:4] == ["10", "7", "SPY", "STK"]
    assert end == ["52", "1", "7"]


def test_a_bonds_details_are_a_message_of_their_own(client: DirectClient) -> None:
    *bonds, _ = client.ask(9, 8, 7, *BOND, 0, "", "", "")

    assert {frame[0] for frame in bonds} == {"18"}


def test_an_unknown_contract_is_refused_and_nothing_ends(client: DirectClient) -> None:
    unknown = (0, "NOSUCH", *SPY[2:])

    (refused,) = client.ask(9, 8, 7, *unknown, 0, "", "", "")

    assert refused[:3] == ["4", "7", "200"]


def test_chains_come_one_by_one_and_end(client: DirectClient) -> None:
    *chains, end = client.ask(78, 7, "SPY", "", "STK", 756733)

    assert {frame[0] for frame in chains} == {"75"}
    assert end == ["76", "7"]


def test_a_calculated_price_gives_its_volatility_back(client: DirectClient) -> None:
    (priced,) = client.ask(55, 3, 7, *CALL, 0.3, 375, "")
    (implied,) = client.ask(54, 3, 8, *CALL, priced[6], 375, "")

    assert priced[:3] == ["21", "7", "53"]
    assert float(implied[4]) == pytest.approx(0.3, abs=1e-4)
    assert client.ask(57, 1, 7) == []  # there is never one to cancel


def test_rules_components_and_depth_exchanges_are_tables(client: DirectClient) -> None:
    assert client.ask(91, 26) == [["93", "26", "1", "0", "0.01"]]
    assert client.ask(83, 7, "9c0001")[0][:2] == ["82", "7"]
    assert client.ask(82)[0][0] == "80"
