"""From a call's raw arguments to its declaration, or to an error that names each wrong field and what to do."""

import difflib
from typing import Any

from pydantic import ValidationError
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
SAME_IN_A_BRACKET = {"stop": "stopLossPrice", "stopprice": "stopLossPrice"}  # where auxPrice is no argument


def parse_arguments(declared: ToolSpec, arguments: dict[str, Any]) -> ToolRequest:
    """The validated arguments; raises ToolError `invalid_arguments` that never repeats a value it was given."""
    try:
        return declared.request.model_validate(arguments)
    except ValidationError as error:
        # An error's context may hold an exception or the input, a megabyte or a secret: neither is asked for.
        faults = error.errors(include_url=False, include_context=False, include_input=False)
    problems = [_problem(declared, fault) for fault in faults[:MOST_FAULTS]]
    text = "; ".join(f"{field}: {problem}" for field, problem in problems)
    if len(faults) > MOST_FAULTS:
        text += f"; and {len(faults) - MOST_FAULTS} more"
    if any(problem == UNKNOWN for _, problem in problems):
        text += f". {declared.tool_name} accepts {', '.join(declared.request.model_fields) or 'no arguments'}"
    nothing = "No order was sent" if declared.effect is Effect.WRITE else "No request was sent"
    raise ToolError(
        "invalid_arguments",
        f"{text}. {nothing}: correct this and call {declared.tool_name} again.",
        fields=[field for field, _ in problems],
    )


def _problem(declared: ToolSpec, fault: ErrorDetails) -> tuple[str, str]:
    """The field and, in words, what is wrong with it."""
    kind, said = fault["type"], fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:  # from a model validator, which writes "field: problem"
        field, _, problem = said.partition(": ")
        return (field, problem) if problem else ("arguments", said)
    field = _printable(str(fault["loc"][0]))
    if kind == "extra_forbidden":
        return field, _unknown(declared, field)
    if kind == "missing":
        return field, "is required"
    if kind == "string_pattern_mismatch":
        said = "is not written in the expected form"
    known = declared.request.model_fields.get(field)
    meant = f" ({known.description})" if known and known.description else ""
    return field, said[:1].lower() + said[1:] + meant


def _unknown(declared: ToolSpec, field: str) -> str:
    known = declared.request.model_fields
    letters = "".join(c for c in field.lower() if c.isalpha())
    meant = next((each[letters] for each in (MEANT, SAME_IN_A_BRACKET) if each.get(letters) in known), None)
    if meant is None:
        meant = next(iter(difflib.get_close_matches(field, known, n=1, cutoff=0.5)), None)
    return UNKNOWN if meant is None else f"{UNKNOWN}, did you mean {meant}"


def _printable(name: str) -> str:
    """An argument's name as the caller wrote it, made harmless: it goes into a text that a model reads."""
    shown = "".join(c if c.isascii() and c.isprintable() else "?" for c in name[:LONGEST_NAME])
    return shown + ("…" if len(name) > LONGEST_NAME else "")
