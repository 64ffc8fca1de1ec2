"""TWS's error codes, and their one mapping to the errors that reach a model."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import ValidationError

from bridge.tool import ToolError
from ib_worker.tws.values.text import message, quoted, tws_said

T = TypeVar("T")


class TwsError(Exception):
    """TWS answered a request with an error."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"TWS error {code}: {quoted(text)}")
        self.code = code
        self.text = message(text)


class WarningReported(TwsError):
    """TWS sent a warning about a request, and no answer in the time that there was."""


class UnreadableMessage(Exception):
    """The answer to a request holds a message that can't be read here: what it says is missing, so nothing is said."""


class ConnectionLost(Exception):
    """The connection to the gateway ended while an answer was awaited."""


class InvalidField(Exception):
    """A field that must not go over the wire: it would end early, or mean another number."""


# Market data that the account may not see (354, 10089 …), or that another session of the same login holds (10197).
NO_ENTITLEMENT = frozenset({354, 10089, 10091, 10168, 10186, 10187, 10189})
COMPETING_SESSION = 10197
PACING = frozenset({100, 420})
READ_ONLY_TEXT = "read-only"  # 321 says in its text whether the API is read-only or a field was wrong
RETRY_IN_S = 15  # TWS forgives a pacing violation after that
API_READ_ONLY = "The gateway's API is in read-only mode: it accepts no orders and does not list any."


def is_read_only(code: int, text: str) -> bool:
    return code == 321 and READ_ONLY_TEXT in text.lower()


def as_tool_error(problem: BaseException) -> ToolError | None:
    """Return the error that a model gets for a failure, or None where it is a fault of this program."""
    if isinstance(problem, ToolError):
        return problem
    if isinstance(problem, WarningReported):
        said = tws_said(problem.code, problem.text)
        return ToolError("timeout", f"The gateway has not answered in time. {said} Retry.", twsCode=problem.code)
    if isinstance(problem, TwsError):
        return refusal(problem.code, problem.text)
    if isinstance(problem, ConnectionLost):
        return ToolError("retry", "The connection to the gateway broke before the answer arrived. Retry.")
    if isinstance(problem, TimeoutError):
        return ToolError("timeout", "The gateway has not answered in time. Retry; ibkr_get_status shows its state.")
    if isinstance(problem, UnreadableMessage):
        return ToolError(
            "unsupported_gateway",
            f"The gateway's answer can't be decoded: {problem}. The gateway's release may be newer or older than this "
            "worker supports. Update the worker, or use another gateway release; ibkr_get_status shows serverVersion.",
        )
    if isinstance(problem, InvalidField):
        return ToolError("invalid_arguments", str(problem))
    if isinstance(problem, ValidationError):
        return invalid(problem)
    return None


async def result_or_error(entry: Awaitable[T]) -> T | ToolError:
    """Return the result of one entry among many, or its error. Raises what concerns them all: ConnectionLost, and a
    fault of this program."""
    try:
        return await entry
    except ConnectionLost:
        raise
    except Exception as problem:
        error = as_tool_error(problem)
        if error is None:
            raise
        return error


def invalid(problem: ValidationError) -> ToolError:
    """The wrong arguments by name, without the values: they may be a megabyte."""
    faults = [
        {"field": ".".join(str(part) for part in each["loc"]), "problem": each["msg"]}
        for each in problem.errors(include_url=False, include_input=False, include_context=False)
    ]
    told = "; ".join(f"{each['field'] or 'arguments'}: {each['problem']}" for each in faults)
    return ToolError("invalid_arguments", message(told), faults=faults)


def refusal(code: int, text: str) -> ToolError:
    """TWS's error as a typed one; a code that has no type of its own keeps its number and text."""
    if is_read_only(code, text):
        return api_read_only(twsCode=code)
    return TYPED.get(code, _gateway_refused)(code, text)


def api_read_only(**details: int) -> ToolError:
    """Return the error of what a gateway in read-only mode does not do."""
    return ToolError("read_only", f"{API_READ_ONLY} Switch off its Read-Only API setting.", **details)


def _gateway_refused(code: int, text: str) -> ToolError:
    return ToolError("gateway_refused", f"TWS rejected the request (error {code}): {quoted(text)}", twsCode=code)


def _contract_not_found(code: int, text: str) -> ToolError:
    if "ambiguous" in text.lower():
        return ToolError(
            "ambiguous_contract",
            f"TWS has several such contracts: {quoted(text)}. Narrow the contract down, or find its conId with "
            "ibkr_get_contract_details.",
            twsCode=code,
        )
    return ToolError(
        "not_found",
        "TWS has no such contract. Check symbol, secType, exchange and currency. Futures and options also need an "
        "expiry.",
        twsCode=code,
    )


def _history(code: int, text: str) -> ToolError:
    """Error 162 is every trouble of the historical data service; only its text tells which."""
    lowered = text.lower()
    if "pacing" in lowered:
        return _paced(code, text)
    if "no data" in lowered:
        return ToolError(
            "no_data",
            "TWS has no such data for this contract and period. Try another whatToShow, barSizeSetting or durationStr.",
            twsCode=code,
        )
    if "no head time stamp" in lowered:
        return ToolError(
            "no_data",
            "TWS has no head timestamp for this contract and whatToShow: it has no such series. Try another "
            "whatToShow.",
            twsCode=code,
        )
    if "permission" in lowered:  # "No market data permissions for NASDAQ STK"
        return _no_entitlement(code, text)
    return ToolError(
        "gateway_refused",
        f"The historical data service rejected the request (error {code}): {quoted(text)}",
        twsCode=code,
    )


def _paced(code: int, text: str) -> ToolError:
    return ToolError(
        "paced",
        f"TWS asks for fewer requests: {quoted(text)}. Retry in {RETRY_IN_S} seconds.",
        twsCode=code,
        retry_after_s=RETRY_IN_S,
    )


def _lines(code: int, text: str) -> ToolError:
    return ToolError(
        "line_limit",
        f"All market-data lines of the account are in use: {quoted(text)}. End a stream first.",
        twsCode=code,
    )


def _no_entitlement(code: int, text: str) -> ToolError:
    return ToolError("no_data", f"The account has no such market data (error {code}): {quoted(text)}", twsCode=code)


def _competing(code: int, text: str) -> ToolError:
    return ToolError(
        "no_data",
        "Another session of the same IBKR login receives the market data. Log out there, or use another user here.",
        twsCode=code,
    )


def _no_depth(code: int, text: str) -> ToolError:
    return ToolError(
        "no_data",
        f"TWS has no market depth of this contract there (error {code}): {quoted(text)}. Give another exchange: "
        "validExchanges of ibkr_get_contract_details.",
        twsCode=code,
    )


def _depth_lines(code: int, text: str) -> ToolError:
    return ToolError(
        "line_limit",
        f"TWS has no market-depth subscription left (error {code}): {quoted(text)}. End a stream of depth, or close "
        "books that are open in TWS.",
        twsCode=code,
    )


def _no_news(code: int, text: str) -> ToolError:
    return ToolError(
        "no_data",
        f"The account may not read this provider's news or article (error {code}): {quoted(text)}. Leave providerCodes "
        "out for the providers that it has.",
        twsCode=code,
    )


TYPED: dict[int, Callable[[int, str], ToolError]] = {
    101: _lines,
    162: _history,
    200: _contract_not_found,
    309: _depth_lines,
    10092: _no_depth,
    10172: _no_news,
    10276: _no_news,
    COMPETING_SESSION: _competing,
    **dict.fromkeys(NO_ENTITLEMENT, _no_entitlement),
    **dict.fromkeys(PACING, _paced),
}
