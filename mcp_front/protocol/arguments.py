"""From a call's raw arguments to its declaration, or to an error that names each wrong field and what to do."""

import difflib
from collections.abc import Collection, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bridge.tool import Effect, ToolError, ToolRequest, ToolSpec

MOST_FAULTS = 5  # a model corrects a few at a time; a thousand unknown arguments must not come back at it
LONGEST_NAME = 64
UNKNOWN = "no such argument"
# What people and other brokers call our arguments, where the spelling alone leads nowhere or to a wrong one: of all
# names, that of a stop price is nearest to lmtPrice's. Letters only, in small.
MEANT = {
    "side": "action",
    "buysell": "action",
    "qty": "totalQuantity",
    "quantity": "totalQuantity",
    "shares": "totalQuantity",
    "amount": "totalQuantity",
    "size": "totalQuantity",
    "units": "totalQuantity",
    "contracts": "totalQuantity",
    "type": "orderType",
    "price": "lmtPrice",
    "limit": "lmtPrice",
    "limitprice": "lmtPrice",
    "stop": "auxPrice",
    "stopprice": "auxPrice",
    "stoplossprice": "auxPrice",
    "takeprofitprice": "lmtPrice",
    "trigger": "auxPrice",
    "triggerprice": "auxPrice",
    "trailamount": "auxPrice",
    "trailingamount": "auxPrice",
    "trailstopprice": "auxPrice",
    "trailpercent": "trailingPercent",
    "takeprofit": "takeProfitPrice",
    "target": "takeProfitPrice",
    "targetprice": "takeProfitPrice",
    "profittarget": "takeProfitPrice",
    "stoploss": "stopLossPrice",
    "ticker": "symbol",
    "symbols": "contracts",
    "instrument": "symbol",
    "underlying": "symbol",
    "assettype": "secType",
    "assetclass": "secType",
    "securitytype": "secType",
    "expiry": "lastTradeDateOrContractMonth",
    "expiration": "lastTradeDateOrContractMonth",
    "expirationdate": "lastTradeDateOrContractMonth",
    "expirydate": "lastTradeDateOrContractMonth",
    "maturity": "lastTradeDateOrContractMonth",
    "contractmonth": "lastTradeDateOrContractMonth",
    "optiontype": "right",
    "putcall": "right",
    "callput": "right",
    "timeinforce": "tif",
    "start": "durationStr",
    "startdate": "durationStr",
    "from": "durationStr",
    "end": "endDateTime",
    "enddate": "endDateTime",
    "to": "endDateTime",
    "until": "endDateTime",
    "query": "pattern",
    "name": "pattern",
    "text": "pattern",
    "keyword": "pattern",
    "period": "durationStr",
    "range": "durationStr",
    "interval": "barSizeSetting",
    "bar": "barSizeSetting",
    "timeframe": "barSizeSetting",
    "resolution": "barSizeSetting",
    "granularity": "barSizeSetting",
    "seconds": "duration_seconds",
    "duration": "duration_seconds",
    "accountid": "account",
    "acctid": "account",
    "key": "idempotencyKey",
    "clientorderid": "idempotencyKey",
    "token": "confirmationToken",
    "id": "orderId",
}
LEGS = frozenset({"legs", "leg", "combolegs", "combo", "combination", "spread"})  # of a combination: no tool takes them
NO_LEGS = f"{UNKNOWN}. A combination can't be ordered: order each leg on its own, the bought one first"
# What people call the days that they ask for, of a tool that knows today alone.
DAYS = frozenset({
    "since", "start", "startdate", "starttime", "from", "fromdate", "end", "enddate", "endtime", "enddatetime", "to",
    "todate", "until", "date", "day", "days", "period", "range", "durationstr", "time",
})  # fmt: skip
TODAY_ALONE = {
    "get_executions": "It has today's fills alone: ibkr_get_account_history (table trades) has those of earlier days",
    "get_completed_orders": "It has today's orders alone: ibkr_get_account_history has the trades of earlier days",
}
# What people call a part of a position, of a tool that closes the whole.
PARTS = frozenset({"totalquantity", "percent", "percentage", "fraction", "portion", "position"}) | {
    name for name, meant in MEANT.items() if meant == "totalQuantity"
}
WHOLE_ALONE = "It closes whole positions: a part is an order by ibkr_place_order with closeOnly"
SAME_IN_A_BRACKET = {"stop": "stopLossPrice", "stopprice": "stopLossPrice"}  # where auxPrice is no argument


def parse_arguments(declared: ToolSpec, arguments: dict[str, Any]) -> ToolRequest:
    """The validated arguments; raises ToolError `invalid_arguments` that never repeats a value it was given."""
    try:
        return declared.request.model_validate(arguments)
    except ValidationError as error:
        # An error's context may hold an exception or the input, a megabyte or a secret: neither is asked for.
        faults = error.errors(include_url=False, include_context=False, include_input=False)
    problems = [_problem(declared, fault) for fault in faults[:MOST_FAULTS]]
    text = "; ".join(f"{place}: {problem}" for _, place, problem in problems)
    if len(faults) > MOST_FAULTS:
        text += f"; and {len(faults) - MOST_FAULTS} more"
    if any(problem == UNKNOWN and field == place for field, place, problem in problems):
        text += f". {declared.tool_name} accepts {', '.join(declared.request.model_fields) or 'no arguments'}"
    if declared.name in TODAY_ALONE and any(_letters(field) in DAYS for field, _, _ in problems):
        text += f". {TODAY_ALONE[declared.name]}"
    if declared.name == "close_positions" and any(_letters(field) in PARTS for field, _, _ in problems):
        text += f". {WHOLE_ALONE}"
    nothing = "No order was sent" if declared.effect is Effect.WRITE else "No request was sent"
    raise ToolError(
        "invalid_arguments",
        f"{text}. {nothing}: correct this and call {declared.tool_name} again.",
        fields=[field for field, _, _ in problems],
    )


def _problem(declared: ToolSpec, fault: ErrorDetails) -> tuple[str, str, str]:
    """The field, the place in it (contracts[1].symbol), and in words what is wrong there."""
    kind, said, loc = fault["type"], fault["msg"].removeprefix("Value error, "), fault["loc"]
    if not loc:  # from a model validator, which writes "field: problem"
        field, _, problem = said.partition(": ")
        return (field, field, problem) if problem else ("arguments", "arguments", said)
    field, place = _printable(str(loc[0])), _place(loc)
    named, _, problem = said.partition(": ")
    if kind == "value_error" and len(loc) > 1 and problem and named in _names_at(declared.request, loc):
        return field, f"{place}.{named}", problem
    if kind == "extra_forbidden":
        return field, place, _unknown(_names_at(declared.request, loc[:-1]), str(loc[-1]))
    if kind == "missing":
        return field, place, "is required"
    if kind == "string_pattern_mismatch":
        said = "is not written in the expected form"
    if kind == "model_type":
        said = "an object with named fields, or a text, is expected"
    known = declared.request.model_fields.get(field) if len(loc) == 1 else None
    meant = f" ({known.description})" if known and known.description else ""
    return field, place, said[:1].lower() + said[1:] + meant


def _place(loc: Sequence[int | str]) -> str:
    """Return where in the arguments a fault is, as a person writes it."""
    first, *rest = loc
    parts = (f"[{each}]" if isinstance(each, int) else f".{_printable(each)}" for each in rest)
    return _printable(str(first)) + "".join(parts)


def _names_at(request: type[BaseModel], loc: Sequence[int | str]) -> Collection[str]:
    """Return the names that are known at a place: of the request, or of an entry of one of its lists."""
    for each in loc:
        if isinstance(each, str):
            field = request.model_fields.get(each)
            models = _models(field.annotation) if field else []
            if len(models) != 1:
                return ()
            request = models[0]
    return request.model_fields


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for each in get_args(annotation) for found in _models(each)]


def _unknown(known: Collection[str], field: str) -> str:
    letters = _letters(field)
    if letters in LEGS and "totalQuantity" in known:
        return NO_LEGS
    meant = next((each[letters] for each in (MEANT, SAME_IN_A_BRACKET) if each.get(letters) in known), None)
    if meant is None:
        meant = next(iter(difflib.get_close_matches(field[:LONGEST_NAME], known, n=1, cutoff=0.6)), None)
    return UNKNOWN if meant is None else f"{UNKNOWN}, did you mean {meant}"


def _letters(field: str) -> str:
    return "".join(c for c in field.lower() if c.isalpha())


def _printable(name: str) -> str:
    """An argument's name as the caller wrote it, made harmless: it goes into a text that a model reads."""
    shown = "".join(c if c.isascii() and c.isprintable() else "?" for c in name[:LONGEST_NAME])
    return shown + ("…" if len(name) > LONGEST_NAME else "")
