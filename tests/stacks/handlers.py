"""What a worker behind a front knows, and its handlers: they keep what they were asked, and answer or fail as told."""

import json
from collections.abc import Callable
from typing import Any

from bridge.bus.server.request import RequestContext
from bridge.tool import ToolError
from tests.stacks.front import Handler, answering

CONTRACT = {
    "conId": 265598, "symbol": "AAPL", "secType": "STK", "exchange": "SMART", "primaryExchange": "NASDAQ",
    "currency": "USD", "localSymbol": "AAPL", "tradingClass": "NMS", "lastTradeDateOrContractMonth": None,
    "strike": None, "right": None, "multiplier": None,
}  # fmt: skip
PNL = {"account": "DU1234567", "modelCode": "", "dailyPnL": None, "unrealizedPnL": 1.5, "realizedPnL": None}
ORDER: dict[str, Any] = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1}
REPORT = {
    "orderId": 7, "permId": 1, "clientId": 1, "orderRef": "ref", "idempotencyKey": None, "account": "DU1234567",
    "contract": CONTRACT, "action": "BUY", "totalQuantity": 1.0, "orderType": "MKT", "lmtPrice": None, "auxPrice": None,
    "tif": "DAY", "status": "Filled", "filled": 1.0, "remaining": 0.0, "avgFillPrice": 200.0, "lastFillPrice": 200.0,
    "whyHeld": None, "commission": None, "commissionCurrency": None, "notices": [], "message": "", "replayed": False,
}  # fmt: skip
CANCELLED = {"orders": [REPORT], "message": "1 cancelled", "replayed": False}


class Recorder:
    """A handler that keeps what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.asked: list[RequestContext] = []
        self._answer = answering(answer)

    async def __call__(self, context: RequestContext) -> bytes:
        self.asked.append(context)
        return await self._answer(context)


def filling(sent: list[RequestContext], report: dict[str, Any] = REPORT) -> Handler:
    """A worker that takes an order, and keeps what it took."""

    async def handler(context: RequestContext) -> bytes:
        await context.accept()
        sent.append(context)
        return json.dumps(report).encode()

    return handler


def cancelling(sent: list[RequestContext]) -> dict[str, Handler]:
    """The handlers of the cancels."""
    return {"cancel_order": filling(sent), "cancel_all_orders": filling(sent, CANCELLED)}


def failing(error: Callable[[], ToolError]) -> Handler:
    """A worker that takes an order and then fails."""

    async def handler(context: RequestContext) -> bytes:
        await context.accept()
        raise error()

    return handler
