"""Handlers of account requests: positions, account values, profit and loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from ibgateway.simulator.gateway.connection import ClientSubscription, Connection, handles
from ibgateway.simulator.model.account import AccountPnL, AccountPosition, AccountValue, PortfolioItem, PositionPnL
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.events import Event
from ibgateway.simulator.wire.messages import account as messages
from ibgateway.simulator.wire.requests import account as requests

REFRESH_S = 180.0  # account values are sent again every three minutes, where they changed
PNL_S = 1.0
MAX_SUMMARIES = 2
LEDGER = frozenset({"NetLiquidation", "NetLiquidationByCurrency", "CashBalance", "TotalCashBalance"})


def _require_account(connection: Connection, account: str, empty: bool = True) -> None:
    if account not in connection.world.accounts and not (empty and account == ""):
        raise Refusal(321, f"Error validating request.-'bW' : cause - Invalid account code '{account[:40]}'.")


def _accounts(connection: Connection, account: str) -> tuple[str, ...]:
    return (account,) if account else connection.world.accounts


class AccountRequest(Protocol):
    """A request for what happens to one account, or to all."""

    @property
    def reqId(self) -> int: ...  # noqa: N802 - TWS's own word
    @property
    def account(self) -> str: ...


Request = TypeVar("Request", bound=AccountRequest)


def _subscribe(
    connection: Connection,
    kind: str,
    request: Request,
    make: Callable[[Connection, Request], ClientSubscription],
) -> None:
    """Begin a subscription; Refusal 321 for an unknown account, 322 for an id in use."""
    _require_account(connection, request.account)
    connection.require_free(kind, request.reqId)
    connection.subscribe(kind, request.reqId, make(connection, request))


class AccountUpdatesSubscription(ClientSubscription):
    """The Account and Portfolio windows of one account; a client follows one at a time."""

    def __init__(self, connection: Connection, account: str) -> None:
        self.connection = connection
        self.account = account
        self._values: dict[tuple[str, str], str] = {}
        self._items: dict[int, PortfolioItem] = {}
        self.advance(connection.world.now)

    def advance(self, now: float) -> None:
        """Send what changed, which is everything the first time."""
        self.due = now + REFRESH_S
        for value in self.connection.world.account_values(self.account):
            self._send_value(value)
        for item in self.connection.world.portfolio(self.account):
            self._send_item(item)
        self._stamp(now)

    def _send_value(self, value: AccountValue) -> None:
        key = value.tag, value.currency
        if self._values.get(key) != value.value:
            self._values[key] = value.value
            self.connection.send(messages.account_value(value))

    def _send_item(self, item: PortfolioItem) -> None:
        if self._items.get(item.contract.conId) != item:
            self._items[item.contract.conId] = item
            self.connection.send(messages.portfolio_value(item))

    def _stamp(self, now: float) -> None:
        self.connection.send(messages.account_time(now, self.connection.gateway.identity.zone))

    def on_event(self, event: Event) -> None:
        if isinstance(event, AccountValue) and event.account == self.account:
            self._send_value(event)
        elif isinstance(event, PortfolioItem) and event.account == self.account:
            self._send_item(event)
            self._stamp(self.connection.world.now)


@handles(requests.ReqAccountUpdates)
def account_updates(connection: Connection, request: requests.ReqAccountUpdates) -> None:
    """Subscribe to an account's updates; a second subscription replaces the first."""
    _require_account(connection, request.acctCode)
    connection.unsubscribe("account updates", 0)
    if request.subscribe:
        account = request.acctCode or connection.world.accounts[0]
        connection.subscribe("account updates", 0, AccountUpdatesSubscription(connection, account))
        connection.send(messages.account_download_end(account))


class AccountSummarySubscription(ClientSubscription):
    """The values of some tags, of all accounts or of a group's."""

    def __init__(self, connection: Connection, request: requests.ReqAccountSummary) -> None:
        self.connection = connection
        self.request = request
        self._sent: dict[tuple[str, str, str], str] = {}
        self.advance(connection.world.now)
        connection.send(messages.account_summary_end(request.reqId))

    def advance(self, now: float) -> None:
        self.due = now + REFRESH_S
        for value in self.connection.world.account_summary(self.request.group, self.request.tags):
            key = value.account, value.tag, value.currency
            if self._sent.get(key) != value.value:
                self._sent[key] = value.value
                self.connection.send(messages.account_summary(self.request.reqId, value))


@handles(requests.ReqAccountSummary)
def account_summary(connection: Connection, request: requests.ReqAccountSummary) -> None:
    connection.require_free("account summary", request.reqId)
    if len(list(connection.subscribed("account summary"))) >= MAX_SUMMARIES:
        raise Refusal(
            322, "Error processing request.-'bW' : cause - Maximum number of account summary requests exceeded"
        )
    connection.subscribe("account summary", request.reqId, AccountSummarySubscription(connection, request))


@handles(requests.CancelAccountSummary)
def cancel_account_summary(connection: Connection, request: requests.CancelAccountSummary) -> None:
    connection.unsubscribe("account summary", request.reqId)


class PositionsSubscription(ClientSubscription):
    """Every position now, then every change of one."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        for held in connection.world.positions(None):
            connection.send(messages.position(held))
        connection.send(messages.position_end())

    def on_event(self, event: Event) -> None:
        if isinstance(event, AccountPosition):
            self.connection.send(messages.position(event))


@handles(requests.ReqPositions)
def positions(connection: Connection, _: requests.ReqPositions) -> None:
    connection.unsubscribe("positions", 0)
    connection.subscribe("positions", 0, PositionsSubscription(connection))


@handles(requests.CancelPositions)
def cancel_positions(connection: Connection, _: requests.CancelPositions) -> None:
    connection.unsubscribe("positions", 0)


class PositionsMultiSubscription(ClientSubscription):
    """The positions of one account or model."""

    def __init__(self, connection: Connection, request: requests.ReqPositionsMulti) -> None:
        self.connection = connection
        self.request = request
        for held in connection.world.positions(request.account or None):
            self._send(held)
        connection.send(messages.position_multi_end(request.reqId))

    def _send(self, held: AccountPosition) -> None:
        self.connection.send(messages.position_multi(self.request.reqId, held, self.request.modelCode))

    def on_event(self, event: Event) -> None:
        if isinstance(event, AccountPosition) and self.request.account in {"", event.account}:
            self._send(event)


@handles(requests.ReqPositionsMulti)
def positions_multi(connection: Connection, request: requests.ReqPositionsMulti) -> None:
    _subscribe(connection, "positions multi", request, PositionsMultiSubscription)


@handles(requests.CancelPositionsMulti)
def cancel_positions_multi(connection: Connection, request: requests.CancelPositionsMulti) -> None:
    connection.unsubscribe("positions multi", request.reqId)


class AccountUpdatesMultiSubscription(ClientSubscription):
    """The account values of one account or model, without positions."""

    def __init__(self, connection: Connection, request: requests.ReqAccountUpdatesMulti) -> None:
        self.connection = connection
        self.request = request
        self._sent: dict[tuple[str, str, str], str] = {}
        self.advance(connection.world.now)
        connection.send(messages.account_update_multi_end(request.reqId))

    def advance(self, now: float) -> None:
        self.due = now + REFRESH_S
        for account in _accounts(self.connection, self.request.account):
            for value in self.connection.world.account_values(account):
                self._send(value)

    def _send(self, value: AccountValue) -> None:
        key = value.account, value.tag, value.currency
        if self._sent.get(key) != value.value and (not self.request.ledgerAndNLV or value.tag in LEDGER):
            self._sent[key] = value.value
            payload = messages.account_update_multi(self.request.reqId, value, self.request.modelCode)
            self.connection.send(payload)

    def on_event(self, event: Event) -> None:
        if isinstance(event, AccountValue) and self.request.account in {"", event.account}:
            self._send(event)


@handles(requests.ReqAccountUpdatesMulti)
def account_updates_multi(connection: Connection, request: requests.ReqAccountUpdatesMulti) -> None:
    _subscribe(connection, "account updates multi", request, AccountUpdatesMultiSubscription)


@handles(requests.CancelAccountUpdatesMulti)
def cancel_account_updates_multi(connection: Connection, request: requests.CancelAccountUpdatesMulti) -> None:
    connection.unsubscribe("account updates multi", request.reqId)


class PnLSubscription(ClientSubscription):
    """Profit and loss of an account, or of one of its positions, sent each second if it has changed."""

    def __init__(self, connection: Connection, request: requests.ReqPnL | requests.ReqPnLSingle) -> None:
        self.connection = connection
        self.request = request
        self._sent: AccountPnL | PositionPnL | None = None
        self.advance(connection.world.now)

    def advance(self, now: float) -> None:
        self.due = now + PNL_S
        request, world = self.request, self.connection.world
        account = request.account or world.accounts[0]
        if isinstance(request, requests.ReqPnLSingle):
            single = world.pnl_single(account, request.modelCode, request.conId)
            self._send(single, messages.pnl_single(request.reqId, single))
        else:
            total = world.pnl(account, request.modelCode)
            self._send(total, messages.pnl(request.reqId, total))

    def _send(self, now: AccountPnL | PositionPnL, payload: bytes) -> None:
        if now != self._sent:
            self._sent = now
            self.connection.send(payload)


@handles(requests.ReqPnL)
@handles(requests.ReqPnLSingle)
def pnl(connection: Connection, request: requests.ReqPnL | requests.ReqPnLSingle) -> None:
    kind = "pnl single" if isinstance(request, requests.ReqPnLSingle) else "pnl"
    _subscribe(connection, kind, request, PnLSubscription)


@handles(requests.CancelPnL)
def cancel_pnl(connection: Connection, request: requests.CancelPnL) -> None:
    _cancel_pnl(connection, "pnl", request.reqId)


@handles(requests.CancelPnLSingle)
def cancel_pnl_single(connection: Connection, request: requests.CancelPnLSingle) -> None:
    _cancel_pnl(connection, "pnl single", request.reqId)


def _cancel_pnl(connection: Connection, kind: str, reqId: int) -> None:
    if not connection.unsubscribe(kind, reqId):
        raise Refusal(300, f"Can't find EId with tickerId:{reqId}")
