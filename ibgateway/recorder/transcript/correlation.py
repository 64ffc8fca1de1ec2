"""The request that each of a gateway's frames answers: by its ids, by its kind, else the last request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ibgateway.recorder.transcript.transcript import HANDSHAKE, TO_GATEWAY, Line, TranscriptFrame

PLACE_ORDER, CANCEL_ORDER, EXERCISE, GLOBAL_CANCEL = 3, 4, 21, 58
ORDER_STATUS, ERROR, OPEN_ORDER, EXEC_DETAILS, OPEN_ORDER_END, COMMISSION, ORDER_BOUND = 3, 4, 5, 11, 53, 59, 100
MARKET_RULE = 93
LISTS_OF_ORDERS = (5, 16)
ON_ORDERS = frozenset({PLACE_ORDER, CANCEL_ORDER, EXERCISE})
ABOUT_ORDERS = frozenset({ORDER_STATUS, OPEN_ORDER, ORDER_BOUND})

# Answers that carry no id of their request: which requests may have asked for them.
ASKED_BY: dict[int, tuple[int, ...]] = {
    6: (6,),
    7: (6,),
    8: (6,),
    54: (6,),
    9: (8, 71),
    14: (12,),
    15: (17, 71),
    16: (18,),
    19: (24,),
    49: (49,),
    53: LISTS_OF_ORDERS,
    61: (61,),
    62: (61,),
    65: (65, 66),
    66: (65, 66),
    69: (72, 73),
    70: (72, 73),
    78: (80,),
    80: (82,),
    85: (85,),
    101: (99,),
    102: (99,),
    109: (105,),
}


@dataclass
class RequestExchange:
    """A request and its replies, in the order of the recording; `index` counts the connection's frames."""

    index: int
    request: TranscriptFrame
    replies: list[tuple[int, TranscriptFrame]] = field(default_factory=list)


def exchanges(lines: Iterable[Line]) -> list[RequestExchange]:
    """Return the exchanges of one connection."""
    sorter = _Correlator()
    for index, line in enumerate(lines):
        if not isinstance(line, TranscriptFrame) or line.message == HANDSHAKE:
            continue
        if line.direction == TO_GATEWAY:
            sorter.asked(RequestExchange(index, line))
        else:
            sorter.answered(index, line)
    return sorter.found


class _Correlator:
    """The requests so far, by everything that an answer may name."""

    def __init__(self) -> None:
        self.found: list[RequestExchange] = []
        self._by_id: dict[str, RequestExchange] = {}
        self._cancels: dict[str, RequestExchange] = {}
        self._by_order: dict[str, RequestExchange] = {}
        self._by_kind: dict[int, RequestExchange] = {}
        self._by_execution: dict[str, RequestExchange] = {}
        self._by_rule: dict[str, RequestExchange] = {}
        self._listing: RequestExchange | None = None

    def asked(self, exchange: RequestExchange) -> None:
        request = exchange.request
        self.found.append(exchange)
        self._by_kind[request.msgId] = exchange
        if request.msgId in ON_ORDERS:
            self._by_order[request.get("orderId") or request.get("reqId") or ""] = exchange
        elif (reqId := request.get("reqId")) is not None:
            (self._cancels if request.message.startswith("cancel") else self._by_id)[reqId] = exchange
        elif (rule := request.get("marketRuleId")) is not None:
            self._by_rule[rule] = exchange
        elif request.msgId in LISTS_OF_ORDERS:
            self._listing = exchange

    def answered(self, index: int, reply: TranscriptFrame) -> None:
        if not self.found:
            return
        cause = self._cause(reply) or self.found[-1]
        cause.replies.append((index, reply))
        if reply.msgId == EXEC_DETAILS:
            self._by_execution[reply.get("execId") or ""] = cause
        elif reply.msgId == OPEN_ORDER_END:
            self._listing = None

    def _cause(self, reply: TranscriptFrame) -> RequestExchange | None:
        if reply.msgId in ABOUT_ORDERS:
            return self._listing or self._by_order.get(reply.get("orderId") or "")
        if reply.msgId == EXEC_DETAILS and reply.get("reqId") == "-1":
            return self._by_order.get(reply.get("orderId") or "")
        if reply.msgId == COMMISSION:
            return self._by_execution.get(reply.get("execId") or "")
        if reply.msgId == MARKET_RULE:
            return self._by_rule.get(reply.get("marketRuleId") or "")
        if reply.msgId == ERROR:
            return self._of_error(reply.get("id") or "")
        if reply.msgId in ASKED_BY:
            return _latest(self._by_kind.get(kind) for kind in ASKED_BY[reply.msgId])
        return self._by_id.get(reply.get("reqId") or "")

    def _of_error(self, about: str) -> RequestExchange | None:
        """Find the latest request with an error's id: requests and orders share ids. A cancel has no other reply."""
        return _latest(asked.get(about) for asked in (self._by_id, self._by_order, self._cancels))


def _latest(some: Iterable[RequestExchange | None]) -> RequestExchange | None:
    return max((one for one in some if one is not None), key=lambda one: one.index, default=None)
