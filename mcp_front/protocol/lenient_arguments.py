"""Arguments of calls that only reduce risk or show it: usable arguments are used, and the others are named."""

from typing import Any

from pydantic import ValidationError

from bridge.text.plain_text import one_line
from bridge.tool import ToolRequest, ToolSpec
from bridge.tools.order_terms import OrderTerms
from bridge.tools.types import OrderNameArguments
from mcp_front.protocol.arguments import parse_arguments

LONGEST_NAME = 32  # characters of an argument's name as an answer repeats it
MOST_NAMES = 5
BARE = {"orderId", "orderKey", "permId", "idempotencyKey"}  # blanks around them say nothing
NAMES = {"orderKey", "orderRef", "permId"}  # beside orderId, of which 0 stands for none


def parse_leniently(declared: ToolSpec, arguments: dict[str, Any]) -> tuple[ToolRequest, str]:
    """Return the arguments that can be understood, and a sentence that names the others. Raises ToolError
    invalid_arguments where it is not clear what to act on."""
    given = _respelled(declared, arguments)
    known = {name: value for name, value in given.items() if name in declared.request.model_fields}
    unknown = [name for name in given if name not in known]
    if declared.name == "cancel_all_orders" and any(plain_name(name) in NARROWING for name in unknown):
        return parse_arguments(declared, given), ""  # raises
    if NAMES & known.keys() and known.get("orderId") in (None, "", "0"):
        known |= {"orderId": 0} if "orderId" in declared.request.model_fields else {}
    wrong = _wrong(declared, known)
    understood = {name: value for name, value in known.items() if name not in wrong}
    return parse_arguments(declared, understood), _said(unknown, wrong)


def _respelled(declared: ToolSpec, arguments: dict[str, Any]) -> dict[str, Any]:
    """Names in the declaration's spelling (`cancel_orders` is cancelOrders), without null."""
    spelling = {plain_name(name): name for name in declared.request.model_fields}
    found = {spelling.get(plain_name(name), name): value for name, value in arguments.items() if value is not None}
    exact = {name: value for name, value in arguments.items() if name in declared.request.model_fields}
    found |= {name: value for name, value in exact.items() if value is not None}
    return {name: value.strip() if name in BARE and isinstance(value, str) else value for name, value in found.items()}


def plain_name(name: str) -> str:
    """Return the name without what its spellings differ in: `order_id` and `orderId` are one."""
    return name.replace("_", "").replace("-", "").casefold()


# Arguments that would make a cancel of everything one of less: not to be passed over.
NARROWING = {
    plain_name(name) for name in (*OrderTerms.model_fields, *OrderNameArguments.model_fields, "orderId", "clientId")
}


def _wrong(declared: ToolSpec, known: dict[str, Any]) -> list[str]:
    """The optional arguments whose values can't be understood."""
    try:
        declared.request.model_validate(known)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        names = {str(fault["loc"][0]) for fault in faults if fault["loc"]}
        optional = {name for name, field in declared.request.model_fields.items() if not field.is_required()}
        return [name for name in known if name in names & optional - NAMES]
    return []


def _said(unknown: list[str], wrong: list[str]) -> str:
    told = [f"{name} was not understood and not used" for name in wrong]
    names = [one_line(name, LONGEST_NAME) for name in unknown[:MOST_NAMES]]
    names += [f"{len(unknown) - MOST_NAMES} more"] if len(unknown) > MOST_NAMES else []
    told += [f"there is no argument {', '.join(names)}"] if names else []
    return f"Of the arguments: {'; '.join(told)}." if told else ""
