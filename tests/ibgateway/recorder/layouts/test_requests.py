"""The layouts of clients' frames fit what clients send, at every version."""

from __future__ import annotations

import pytest

from ibgateway.recorder.layouts.requests import REQUESTS
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


@pytest.mark.parametrize("version", IB_ASYNC_VERSIONS)
def test_the_layouts_fit_what_ib_async_sends(version: int) -> None:
    for method, arguments, _ in SENT:
        sent = named(REQUESTS, version, sent_by_ib_async(version, method, *arguments))

        assert sent.get("reqId", "7") == "7", method
        assert sent.get("orderId", "7") == "7", method
        assert sent.get("symbol", "AAPL") in {"AAPL", ""}, method


@pytest.mark.parametrize(("version", "msgId", "fields", "_"), LATER)
def test_the_layouts_fit_what_official_clients_send(version: int, msgId: str, fields: list[str], _: object) -> None:
    assert len(REQUESTS[int(msgId)].names(version, [msgId, *fields])) == len(fields) + 1
