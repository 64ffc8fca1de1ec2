"""Messages of TWS that can't be decoded or that nobody handles: which request they answer, so that its caller need not
wait in vain."""

from collections.abc import Callable, Hashable

from bridge.tool import ToolError
from ib_worker.tws.errors import UnreadableMessage, as_tool_error
from ib_worker.tws.requests import (
    COMPLETED_ORDERS,
    CURRENT_TIME,
    NEWS_PROVIDERS,
    OPEN_ORDERS,
    POSITIONS,
    SCANNER_PARAMETERS,
    PendingRequests,
)

# Message types whose request id is the first field after the type; the others have a version in between (ib_async's
# decoder, at server versions 157 to 178).
WITHOUT_VERSION = frozenset({10, 17, 18, 21, 5, 11, 75, 76, *range(77, 110)})
NAMES = {
    4: "error", 5: "openOrder", 6: "updateAccountValue", 7: "updatePortfolio", 54: "accountDownloadEnd",
    10: "contractDetails", 17: "historicalData", 18: "bondContractDetails",
    20: "scannerData", 52: "contractDetailsEnd", 63: "accountSummary", 64: "accountSummaryEnd",
    12: "updateMktDepth", 13: "updateMktDepthL2", 19: "scannerParameters", 83: "newsArticle", 85: "newsProviders",
    86: "historicalNews", 87: "historicalNewsEnd", 94: "pnl", 95: "pnlSingle",
}  # fmt: skip
OF_THE_ACCOUNT = frozenset({6, 7, 8, 54})  # of reqAccountUpdates, which has no id
WITHOUT_ID = {19: SCANNER_PARAMETERS, 85: NEWS_PROVIDERS}  # messages whose request waits by its kind
UNKNOWN = (1, 2)  # where the id of an unknown type may be

# Messages whose first field is no request's id, and that nobody here waits for.
WITHOUT_REQUEST = frozenset(
    {"nextValidId", "managedAccounts", "orderBound", "updateAccountTime", "currentTimeInMillis"}
)

# Messages whose request has no id, by the key under which it waits; and those of reqAccountUpdates, which has none.
KIND_OF = {
    "position": POSITIONS, "positionEnd": POSITIONS,
    "openOrder": OPEN_ORDERS, "openOrderEnd": OPEN_ORDERS,
    "completedOrder": COMPLETED_ORDERS, "completedOrdersEnd": COMPLETED_ORDERS,
    "currentTime": CURRENT_TIME,
}  # fmt: skip
NAMES_OF_THE_ACCOUNT = frozenset({"updateAccountValue", "updatePortfolio", "accountDownloadEnd"})


def refuse_unreadable(
    requests: PendingRequests, fail_account: Callable[[ToolError | None], None], fields: list[str]
) -> None:
    """Fail the request that the message is about, if it is waited for: without this part its answer is not whole.
    `fail_account` fails the account's updates, which have no request's id."""
    kind = _number(fields, 0)
    if kind is None:
        return
    name = NAMES.get(kind)
    what = f"a message of type {kind}" + (f" ({name})" if name else "") + " could not be decoded"
    if kind in OF_THE_ACCOUNT:
        fail_account(as_tool_error(UnreadableMessage(what)))
        return
    if kind in WITHOUT_ID:
        requests.unreadable(WITHOUT_ID[kind], what)
        return
    places = UNKNOWN if kind > max(WITHOUT_VERSION) else ((1,) if kind in WITHOUT_VERSION else (2,))
    for place in places:
        reqId = _number(fields, place)
        if reqId is not None and requests.unreadable(reqId, what):
            return


def refuse_unhandled(
    requests: PendingRequests,
    fail_account: Callable[[ToolError | None], None],
    name: str,
    fields: tuple[object, ...],
) -> bool:
    """Fail what waits for a message that this worker has no method for, by the message's name. Returns whether anybody
    waited."""
    problem = UnreadableMessage(f"it sent {name}, which this worker does not handle")
    if name in NAMES_OF_THE_ACCOUNT:
        fail_account(as_tool_error(problem))
        return True
    return requests.unreadable(_waiting_key(name, fields), str(problem))


def _waiting_key(name: str, fields: tuple[object, ...]) -> Hashable:
    """Return the key under which a message's request waits: its kind, or the id in the first field."""
    if name in KIND_OF:
        return KIND_OF[name]
    first = fields[0] if fields and isinstance(fields[0], int) else None
    return ("market rule", first) if name == "marketRule" else first


def _number(fields: list[str], place: int) -> int | None:
    try:
        return int(fields[place])
    except (IndexError, ValueError):
        return None
