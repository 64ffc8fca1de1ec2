"""Grants of streams are the call's client's own; a handle counts by its grant, and one without is told once."""

from structlog.typing import EventDict

from bridge.bus.events.stream_grants import StreamGrant
from bridge.bus.events.stream_handles import StreamHandle
from bridge.bus.identity.clients import Client
from bridge.bus.identity.rights import EVERYTHING
from bridge.tools.market.market_data import OpenMarketData
from ib_worker.client_rights.current import acting_as
from ib_worker.client_rights.streams import GrantedHandles, account_grant, contract_grant

ASKED = OpenMarketData(symbol="SPY", keep=True)


def handle(principal: str, stream: str) -> StreamHandle:
    return StreamHandle(f"s-{principal}", principal, "bars", stream, "a name", {"conId": 666}, "0.0-0", 1, 1)


def test_a_grant_is_the_calls_clients_and_says_what_opens_the_stream() -> None:
    with acting_as(Client("claude", EVERYTHING)):
        contract, account = contract_grant("quotes-1", "quotes", ASKED, 1), account_grant("account-DU1", "DU1")

    assert contract == StreamGrant("claude", "quotes", "quotes-1", {"symbol": "SPY", "conId": 1})
    assert account == StreamGrant("claude", "account", "account-DU1", {"account": "DU1"})
    assert (contract_grant("quotes-1", "quotes", ASKED, 1), account_grant("a", "DU1")) == (None, None)


def test_a_handle_counts_by_its_grant_and_one_without_is_told_once(logs: list[EventDict]) -> None:
    grant, granted = StreamGrant("claude", "quotes", "quotes-1", {"conId": 1}), GrantedHandles()
    handles = [handle("claude", "quotes-1"), handle("other", "quotes-1"), handle("of events", "")]
    for _ in range(2):
        found = granted.of(handles, {grant.field: grant})

    assert [(each.principal, each.kind, each.arguments) for each in found] == [
        ("claude", "quotes", {"conId": 1}),
        ("of events", "bars", {"conId": 666}),
    ]
    assert [(each["event"], each["caller"]) for each in logs] == [("stream_not_granted", "other")]
