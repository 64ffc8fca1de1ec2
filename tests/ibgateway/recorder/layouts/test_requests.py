"""The layouts of clients' frames fit what clients send, at every version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import pytest
from ib_async import ScannerSubscription

from ibgateway.recorder.layouts.field_grammar import OptionalField, Part, RepeatedParts
from ibgateway.recorder.layouts.requests import REQUESTS
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.orders import ExecutionFilter
from ibgateway.simulator.wire.encoding import layout
from ibgateway.simulator.wire.names import CLIENT
from ibgateway.simulator.wire.requests.history import BarsAsked
from tests.ibgateway.simulator.wire.requests import (
    test_account,
    test_contracts,
    test_history,
    test_market_data,
    test_orders,
    test_research,
    test_session,
)
from tests.stacks.ibgateway.ib_async_codec import sent_by_ib_async
from tests.stacks.ibgateway.recorded_lines import named

SENT = [
    *test_account.SENT,
    *test_contracts.SENT,
    *test_history.SENT,
    *test_market_data.SENT,
    *test_orders.SENT,
    *test_research.SENT,
    *test_session.SENT,
]
LATER = [*test_contracts.LATER, *test_orders.LATER, *test_research.LATER, *test_session.LATER]
IB_ASYNC_VERSIONS = range(157, 179)


def test_there_is_a_layout_for_every_request_that_the_simulator_reads() -> None:
    assert set(REQUESTS) == set(layout.LAYOUTS)


@pytest.mark.parametrize("version", IB_ASYNC_VERSIONS)
def test_the_layouts_fit_what_ib_async_sends(version: int) -> None:
    for method, arguments, _ in SENT:
        sent = named(REQUESTS, version, sent_by_ib_async(version, method, *arguments))

        assert sent.get("reqId", "7") == "7", method
        assert sent.get("orderId", "7") == "7", method
        assert sent.get("symbol", "AAPL") in {"AAPL", ""}, method


@pytest.mark.parametrize(("version", "msgId", "texts", "_"), LATER)
def test_the_layouts_fit_what_official_clients_send(version: int, msgId: str, texts: list[str], _: object) -> None:
    assert len(REQUESTS[int(msgId)].names(version, [msgId, *texts])) == len(texts) + 1


# Groups of fields that the simulator reads as one value, and what the recorder calls by a shorter name.
GROUPS = {"contract", "filter", "placed", "query", "asked", "subscriptionOptions", "fundamentalDataOptions"}


def words(parts: tuple[Part, ...]) -> Iterator[str]:
    """Yield every name of a layout, in the order in which it is declared."""
    for part in parts:
        if isinstance(part, str):
            yield from part.split()
        elif not isinstance(part, OptionalField):
            yield from [part.count] if isinstance(part, RepeatedParts) else []
            yield from words(part.parts)


@pytest.mark.parametrize("msgId", sorted(layout.LAYOUTS))
def test_a_requests_fields_are_those_that_the_simulator_reads_in_their_order(msgId: int) -> None:
    known = [name for name, _, _ in layout.LAYOUTS[msgId].fields if name not in GROUPS]

    assert CLIENT[REQUESTS[msgId].name] == msgId
    assert [name for name in words(REQUESTS[msgId].parts) if name in known] == known


# What the recorder calls otherwise, so that a leg's and a neutral contract's fields are told from the contract's own.
OWN_NAMES = {
    *("version", "options", "date", "legConId", "legAction", "legExchange", "ratio", "dnConId", "dnDelta", "dnPrice"),
    *("scannerSubscriptionFilterOptions", "scannerSubscriptionOptions"),
}


@pytest.mark.parametrize("msgId", sorted({*layout.LAYOUTS} - {3}))
def test_every_name_is_a_field_of_the_api(msgId: int) -> None:
    groups = (Contract, ExecutionFilter, ScannerSubscription, BarsAsked)
    known = OWN_NAMES | {name for name, _, _ in layout.LAYOUTS[msgId].fields}
    known |= {field.name for group in groups for field in fields(group)}

    assert {name for name in words(REQUESTS[msgId].parts) if name not in known} == set()
