"""The requests of TWS's one connection: each waits for its turn, is answered whole, and fails with the connection."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from functools import partial
from typing import Any, TypeVar

import ib_async
import structlog

from bridge.tool import ToolError
from bridge.tools.account import PnL, Position
from bridge.tracing.spans import Tracer, inside
from ib_worker.pacing.caller import SESSION, acting_for, current_caller
from ib_worker.pacing.message_pacer import MessagePacer, Priority
from ib_worker.pacing.single_flight import SingleFlight
from ib_worker.pacing.subscription_places import SubscriptionPlaces
from ib_worker.tws.connection import TwsConnection
from ib_worker.tws.errors import ConnectionLost
from ib_worker.tws.requests import PATIENCE_S, Keep, PendingRequest, PendingRequests
from ib_worker.tws.values import convert

REQUEST_S = 15.0  # of no word at all before a list is given up
FIGURE_S = 2.0  # TWS may tell a profit and loss before it has computed one, and the figures a second later

log = structlog.get_logger("ib_worker.tws.client")

T = TypeVar("T")
Send = Callable[[Any, int], None]  # the wire (ib_async's client is not annotated) and the request's id
Settle = Callable[[PendingRequest], Awaitable[Any]]
SendKind = Callable[[Any], None]
OrderIds = Callable[[int], Awaitable[int]]  # a fresh orderId, not below the one given


class TwsClient:
    """`wire` is None while there is no connection; ConnectionLoop alone sets it."""

    def __init__(
        self,
        messages_per_s: int,
        order_ids: OrderIds,
        highest_taken: Callable[[], int],
        absent: Callable[[], ToolError],
        requests: PendingRequests,
        shared_s: float,
    ) -> None:
        """`highest_taken`: the highest orderId that TWS has named or refused. `absent`: why there is no connection.
        `shared_s`: how long a request that several share may take."""
        self.wire: TwsConnection | None = None
        self.tracer: Tracer | None = None  # where traces are sent
        self.connects = 0  # connections that became sessions, so far
        self.requests = requests
        self._shared_s = shared_s
        self.pacer = MessagePacer(time.monotonic, messages_per_s)
        self.order_id_lock = asyncio.Lock()  # held from a fresh orderId to its frame: TWS wants them in order
        self.order_ids = order_ids
        self._highest_taken = highest_taken
        self._absent = absent
        self._flights = SingleFlight()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def close(self) -> None:
        await self._flights.close()

    def require_connection(self) -> TwsConnection:
        """The gateway, though it may have lost IBKR's servers. Raises ToolError, or LinkLost if it broke just now."""
        if self.wire is None:
            raise self._absent()
        if self.wire.lost.done():
            raise ConnectionLost(self.wire.lost.result())
        return self.wire

    async def fresh_order_id(self) -> int:
        """Above each that TWS has named or refused, that an earlier worker has used, and that a request has. Raises
        ToolError or LinkLost."""
        wire = self.require_connection()
        wire.skip_ids(self._highest_taken())
        orderId = await self.order_ids(wire.getReqId())
        self.require_connection().skip_ids(orderId)  # it may be another connection by now
        return orderId

    async def ask(
        self,
        send: Send,
        *,
        lane: Priority = Priority.READS,
        cancel: Send | None = None,
        subscription: bool = False,
        patience_s: float = PATIENCE_S,
        settled_s: float | None = None,
    ) -> Any:
        """Send a request and wait for its whole answer; the caller keeps the deadline.

        `patience_s` is how long an answer is awaited after a warning: less than the caller's own deadline. `settled_s`:
        after so long the latest part is the answer, if one has come.

        `cancel` goes out if the answer is given up, and always for a subscription, of which only the first is wanted.
        Raises RequestRefused, LinkLost, or ToolError if there is no connection.
        """
        await self.pacer.wait_turn(lane)
        wire = self.require_connection()
        reqId = self._free_id(wire)
        with inside(self.tracer, "TWS request"), self.requests.expect(reqId, patience_s=patience_s) as pending:
            send(wire, reqId)
            log.debug("request_sent", request=reqId)
            try:
                return await (pending.answer if settled_s is None else pending.settled(settled_s))
            finally:
                answered = pending.answer.done() and not pending.answer.cancelled()
                if cancel is not None and (subscription or not answered):
                    self.pacer.post(lane, partial(_cancel, wire, reqId, cancel))

    async def subscribe(self, send: Send) -> int:
        """Send a request whose answers come again and again; return its id. Whoever takes them ends it.

        Raises ToolError or ConnectionLost if there is no connection."""
        await self.pacer.wait_turn(Priority.READS)
        wire = self.require_connection()
        reqId = self._free_id(wire)
        send(wire, reqId)
        return reqId

    def unsubscribe(self, reqId: int, cancel: Send) -> None:
        """End it at the session's next turn; a connection that is gone has forgotten it."""
        if self.wire is not None:
            self.pacer.post(Priority.READS, partial(_cancel, self.wire, reqId, cancel))

    async def one_shot(
        self,
        places: SubscriptionPlaces,
        key: Hashable,
        messages: tuple[Send, Send],
        settle: Settle,
        *,
        patience_s: float = PATIENCE_S,
    ) -> Any:
        """Subscribe, return what `settle` makes of the pending request, and unsubscribe, also when the last caller
        hangs up. `messages`: the request and its cancel. Equal keys at the same time share one answer.

        Raises ToolError line_limit or paced, TwsError, ConnectionLost, or what `settle` raises.
        """
        return await places.flights.share(key, lambda: self._one_shot(places, messages, settle, patience_s))

    async def _one_shot(
        self, places: SubscriptionPlaces, messages: tuple[Send, Send], settle: Settle, patience_s: float
    ) -> Any:
        await places.take()
        end = places.give_back
        try:
            await self.pacer.wait_turn(Priority.READS)
            wire = self.require_connection()
            reqId = self._free_id(wire)
            with inside(self.tracer, "TWS request"), self.requests.expect(reqId, patience_s=patience_s) as pending:
                messages[0](wire, reqId)
                end = partial(self.pacer.post, Priority.READS, partial(_end, places, wire, reqId, messages[1]))
                return await settle(pending)
        finally:
            end()

    def _free_id(self, wire: TwsConnection) -> int:
        """The next request id that nobody waits on: a what-if waits under an order's id, which Redis gives out."""
        while (reqId := wire.getReqId()) in self.requests:
            pass
        return reqId

    async def request_list(
        self,
        kind: str,
        send: SendKind,
        version: Hashable = None,
        silence_s: float = REQUEST_S,
        keep: Keep | None = None,
    ) -> Any:
        """The same for what TWS answers without an id: one under way, shared by all who want the same version of it.

        Raises TimeoutError when nothing has come for `silence_s`. `keep` says what is kept of each part, for who needs
        little of an answer that may be long.
        """
        return await self.share_at_length(
            (kind, version, keep), lambda: self._request_list(kind, send, silence_s, keep)
        )

    async def _request_list(self, kind: str, send: SendKind, silence_s: float, keep: Keep | None) -> Any:
        async with self._locks[kind]:
            await self.requests.none_late(kind)
            await self.pacer.wait_turn(Priority.READS)
            wire = self.require_connection()
            with inside(self.tracer, f"TWS {kind}"), self.requests.expect(kind, keep) as pending:
                send(wire)
                log.debug("request_sent", request=kind)
                try:
                    return await pending.complete(silence_s)
                except TimeoutError:
                    self.requests.mark_late(kind)
                    raise

    async def send(self, write: SendKind, lane: Priority = Priority.READS) -> None:
        """Send what has no answer of its own."""
        await self.pacer.wait_turn(lane)
        write(self.require_connection())

    async def ask_executions(self, silence_s: float = REQUEST_S, keep: Keep | None = None) -> list[Any]:
        """Every fill since midnight, of every client: of each a Listed, or what `keep` makes of it. Raises TimeoutError
        when nothing has come for `silence_s`."""
        await self.pacer.wait_turn(Priority.READS)
        wire = self.require_connection()
        reqId = self._free_id(wire)
        with inside(self.tracer, "TWS executions"), self.requests.expect(reqId, keep) as pending:
            wire.reqExecutions(reqId, ib_async.ExecutionFilter())  # type: ignore[no-untyped-call]
            found: list[Any] = await pending.complete(silence_s)
        return found

    async def ask_pnl(self, account: str, modelCode: str) -> PnL:
        """TWS allows one such subscription per account and model, so callers share one."""
        figures = await self.share(
            ("pnl", account, modelCode),
            lambda: self.ask(
                lambda wire, reqId: wire.reqPnL(reqId, account, modelCode),
                cancel=lambda wire, reqId: wire.cancelPnL(reqId),
                subscription=True,
                settled_s=FIGURE_S,
            ),
        )
        return convert.pnl(account, modelCode, figures)

    async def ask_pnl_single(self, account: str, modelCode: str, conId: int) -> tuple[float, ...]:
        """Return position, daily, unrealized and realized profit and value of one position, as TWS writes them."""
        figures: tuple[float, ...] = await self.share(
            ("pnl single", account, modelCode, conId),
            lambda: self.ask(
                lambda wire, reqId: wire.reqPnLSingle(reqId, account, modelCode, conId),
                cancel=lambda wire, reqId: wire.cancelPnLSingle(reqId),
                subscription=True,
                settled_s=FIGURE_S,
            ),
            caller=current_caller(),
        )
        return figures

    async def ask_account_values(self, account: str, modelCode: str = "") -> list[tuple[str, str, str, str]]:
        """Return account, tag, value and currency of each of the Account window's values, of any account while another
        one's updates are streamed."""
        rows: list[tuple[str, str, str, str]] = await self.share(
            ("account values", account, modelCode),
            lambda: self.ask(
                lambda wire, reqId: wire.reqAccountUpdatesMulti(reqId, account, modelCode, False),
                cancel=lambda wire, reqId: wire.cancelAccountUpdatesMulti(reqId),
                subscription=True,
            ),
        )
        return rows

    async def ask_model_positions(self, account: str, modelCode: str) -> list[Position]:
        """Return the positions that an advisor's model has in an account; an empty account is every account."""
        rows = await self.share(
            ("positions", account, modelCode),
            lambda: self.ask(
                lambda wire, reqId: wire.reqPositionsMulti(reqId, account, modelCode),
                cancel=lambda wire, reqId: wire.cancelPositionsMulti(reqId),
                subscription=True,
            ),
        )
        return [convert.position(*row) for row in rows if row[2]]

    async def share(self, key: Hashable, ask: Callable[[], Any], caller: str = SESSION) -> Any:
        """One answer for all who ask the same at the same time. It waits for its turn in the session's own line; where
        the keys are many, in the first caller's."""
        return await self.share_at_length(key, lambda: _within(self._shared_s, ask), caller)

    async def share_at_length(
        self, key: Hashable, fly: Callable[[], Coroutine[Any, Any, Any]], caller: str = SESSION
    ) -> Any:
        """The same for what keeps its own time, such as by how long nothing comes."""
        with acting_for(caller):
            return await self._flights.share(key, fly)

    async def while_connected(self, awaited: Awaitable[T]) -> T:
        """Wait for something that comes over the present connection. Raises LinkLost when that ends first."""
        task = asyncio.ensure_future(awaited)
        try:
            wire = self.require_connection()
            either: set[asyncio.Future[Any]] = {task, wire.lost}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ConnectionLost(wire.lost.result())
            return task.result()
        finally:
            task.cancel()

    async def matching_symbols(self, pattern: str) -> list[ib_async.ContractDescription]:
        async with asyncio.timeout(self._shared_s):
            found: list[ib_async.ContractDescription] = await self.ask(
                lambda wire, reqId: wire.reqMatchingSymbols(reqId, pattern)
            )
        return found

    async def contract_details(self, contract: ib_async.Contract, lane: Priority) -> list[ib_async.ContractDetails]:
        async with asyncio.timeout(self._shared_s):
            found: list[ib_async.ContractDetails] = await self.ask(
                lambda wire, reqId: wire.reqContractDetails(reqId, contract), lane=lane
            )
        return found

    async def option_parameters(self, under: ib_async.Contract, futFopExchange: str) -> list[Any]:
        """The expirations and strikes of an underlying's options, a row for each exchange and trading class."""
        async with asyncio.timeout(self._shared_s):
            found: list[Any] = await self.ask(
                lambda wire, reqId: wire.reqSecDefOptParams(
                    reqId, under.symbol, futFopExchange, under.secType, under.conId
                )
            )
        return found


def _cancel(wire: TwsConnection, reqId: int, cancel: Send) -> None:
    if not wire.lost.done():
        cancel(wire, reqId)


def _end(places: SubscriptionPlaces, wire: TwsConnection, reqId: int, cancel: Send) -> None:
    places.give_back()
    _cancel(wire, reqId, cancel)


async def _within(seconds: float, ask: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(seconds):
        return await ask()
