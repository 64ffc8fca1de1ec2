"""The day's order calls that were refused, by the audit log: what each asked for, and why none was placed."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from pydantic import ValidationError

from bridge.audit_chain import AuditEntry
from bridge.bus.controls.audit_index import find_entries, read_entries, refusals_name
from bridge.bus.keys import Keys
from bridge.bus.server.request import RequestContext
from bridge.bus.transport.connection import BusError, bus_down
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError
from bridge.tools.order_report import OrderReport
from bridge.tools.orders import PlaceBracketOrder
from bridge.tools.types import Contract
from ib_worker.audit.noted_refusals import NotedRefusals

MOST = 100  # rows of an answer
NAMED = 100  # contracts that one read has TWS name
LONGEST = 2000  # bytes of arguments that an entry keeps
PLACES = frozenset({"place_order", "place_bracket_order", "close_position", "close_positions", "modify_order"})
NO_REFUSAL = frozenset({"approval_required", "orders_rest"})  # the call goes on: with a person, or after cancels
SECRET = frozenset({"confirmationToken"})
NAMES = ("orderId", "twsCode", "limit")  # of an error's details
TERMS = ("lmtPrice", "auxPrice", "tif", "trailingPercent", "modelCode")


class _RequestedTerms(msgspec.Struct):
    """The types of a call's arguments as an answer shows them: the log has what a front sent, valid or not."""

    orderId: int | None = None
    conId: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] | None = None
    symbol: str | None = None
    secType: str | None = None
    exchange: str | None = None
    primaryExchange: str | None = None
    currency: str | None = None
    localSymbol: str | None = None
    tradingClass: str | None = None
    lastTradeDateOrContractMonth: str | None = None
    strike: float | None = None
    right: str | None = None
    multiplier: str | None = None
    action: str | None = None
    totalQuantity: float | None = None
    orderType: str | None = None
    lmtPrice: float | None = None
    auxPrice: float | None = None
    tif: str | None = None
    trailingPercent: float | None = None
    outsideRth: bool | None = None
    modelCode: str | None = None
    takeProfitPrice: float | None = None
    stopLossPrice: float | None = None
    exitTif: str | None = None
    exitsOnly: bool | None = None


def refusal_details(context: RequestContext, error: ToolError) -> dict[str, Any]:
    """Return what the audit log keeps of a refused call: the error, and of an order its arguments."""
    told = {"message": error.message} | {name: error.details[name] for name in NAMES if name in error.details}
    return told | (asked_for(bytes(context.arguments)) if context.operation in PLACES else {})


def asked_for(arguments: bytes) -> dict[str, Any]:
    """Return a refused order's arguments as the audit log keeps them, nothing of those that are too long."""
    with suppress(msgspec.DecodeError, RecursionError):
        if len(arguments) <= LONGEST:
            decoded = msgspec.json.decode(arguments, type=dict[str, Any])
            return {"request": {name: value for name, value in decoded.items() if name not in SECRET}}
    return {}


class RefusedCalls:
    """Reads the log's refusals of one client by the log's index."""

    def __init__(self, pipe: CommandPipeline, keys: Keys) -> None:
        self._pipe = pipe
        self._keys = keys
        self.noted = NotedRefusals()  # by fronts

    async def of(self, caller: str, since: datetime) -> list[AuditEntry]:
        """Return the client's refused order calls since a time, newest first, as far as the index has them. Raises
        ToolError bus_down."""
        try:
            seqs = await find_entries(self._pipe, self._keys, [refusals_name(caller)]) or []
            found = [each async for line in read_entries(self._pipe, self._keys, seqs) if (each := _read(line))]
        except BusError as error:
            raise bus_down(self._pipe.url, error) from error
        return [each for each in found if each.caller == caller and _at(each) >= since and _is_told(each)]

    async def latest(self, caller: str, key: str, since: datetime) -> AuditEntry | None:
        """Return the client's latest refused call with a key. Raises ToolError bus_down."""
        return next((each for each in await self.of(caller, since) if each.key == key), None)


def refusal_text(entry: AuditEntry, ahead: timedelta = timedelta(0)) -> str:
    """Return the refusal in words. `ahead`: how far the clock of answers is ahead of the log's."""
    when = f"{_at(entry) + ahead:%Y-%m-%d %H:%M:%S} UTC"
    return f"Refused at {when}: ibkr_{_tool(entry)} {entry.status}: {entry.details.get('message', '')}"


def refused_report(entry: AuditEntry, contract: Contract | None, clientId: int, ahead: timedelta) -> OrderReport:
    """Return a refused call as the order that it asked for, in status Refused; no account, since the log masks it."""
    asked = _asked(entry)
    return OrderReport(
        orderId=entry.details.get("orderId") or asked.get("orderId") or 0,
        permId=None,
        clientId=clientId,
        orderRef=None,
        idempotencyKey=entry.key,
        account=None,
        contract=contract or contract_of(entry),
        action=_side(asked),
        totalQuantity=asked.get("totalQuantity"),
        orderType=_order_type(entry.tool, asked),
        outsideRth=asked.get("outsideRth", False),
        status="Refused",
        filled=0,
        remaining=0,
        message=refusal_text(entry, ahead),
        **{name: asked.get(name) for name in TERMS} | (_exits(asked) if asked.get("exitsOnly") else {}),
    )


def _side(asked: dict[str, Any]) -> str | None:
    """Return the side of the call's order; exits alone have their own, whichever side the call names."""
    if not asked.get("exitsOnly"):
        return asked.get("action")
    with suppress(ValidationError):
        return PlaceBracketOrder(**asked | {"account": None}).exit_side  # the log masks the account
    return None


def _exits(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the prices and the duration of exits alone: the target's limit and the stop's trigger."""
    prices = {"lmtPrice": asked.get("takeProfitPrice"), "auxPrice": asked.get("stopLossPrice")}
    return prices | {"tif": asked.get("exitTif", "GTC")}


def _order_type(operation: str, asked: dict[str, Any]) -> str | None:
    """Return the type of the call's order; None of a change, which names none, and of exits, which are two."""
    if operation == "modify_order" or asked.get("exitsOnly"):
        return None
    return asked.get("orderType") or ("MKT" if asked.get("lmtPrice") is None else "LMT")


def contract_of(entry: AuditEntry) -> Contract:
    """Return the contract as the call named it."""
    asked = _asked(entry)
    named = {name: asked[name] for name in Contract.model_fields if name in asked}
    return Contract(**{"conId": 0, "symbol": "", "secType": "STK" if "symbol" in asked else ""} | named)


def unnamed_contracts(entries: Sequence[AuditEntry]) -> list[int]:
    """Return the conIds of contracts that these calls named by them alone, of the first NAMED."""
    asked = map(_asked, entries)
    found = dict.fromkeys(each["conId"] for each in asked if each.get("conId") and not each.get("symbol"))
    return list(found)[:NAMED]


def _asked(entry: AuditEntry) -> dict[str, Any]:
    """Return the arguments of a call that have a valid type."""
    told = entry.details.get("request")
    told = told if isinstance(told, dict) else {}
    return {name: value for name, value in told.items() if value is not None and _is_valid(name, value)}


def _is_valid(name: str, value: Any) -> bool:
    try:
        msgspec.convert({name: value}, _RequestedTerms)
    except msgspec.ValidationError:
        return False
    return True


def _tool(entry: AuditEntry) -> str:
    return "close_positions" if entry.tool == "close_position" else entry.tool


def _is_told(entry: AuditEntry) -> bool:
    return entry.tool in PLACES and entry.status not in NO_REFUSAL


def _at(entry: AuditEntry) -> datetime:
    return datetime.fromisoformat(entry.at)


def _read(line: bytes) -> AuditEntry | None:
    with suppress(msgspec.MsgspecError):
        return msgspec.json.decode(line, type=AuditEntry)
    return None
