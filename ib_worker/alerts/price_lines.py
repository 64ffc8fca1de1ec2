"""The market-data lines of watched prices: one for each contract, held while a watch needs it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bridge.bus.events.event import SessionEvent
from bridge.text.contract_name import contract_name
from bridge.tools.events import WaitCondition
from ib_worker.market_data.quote_line import QuoteSubscription
from ib_worker.pacing.caller import acting_for
from ib_worker.session.session import Session
from ib_worker.tws.errors import as_tool_error
from ib_worker.watches.levels import decide
from ib_worker.watches.table import conditions

ASK_AGAIN_MS = 5_000  # for a line that TWS refused, or that had no room

Watching = tuple[str, str, int, WaitCondition]  # the watch, its principal, the condition's place, and the condition


class PriceLines:
    """Opens, holds and lets go the lines, and decides at each price."""

    def __init__(self, session: Session, now_ms: Callable[[], int]) -> None:
        self._session = session
        self._table = session.services.watches
        self._now_ms = now_ms
        self._by_contract: dict[int, list[Watching]] = {}
        self._again_ms: dict[int, int] = {}
        session.quotes.on_quote = self.decide

    async def look(self) -> None:
        """Bring the lines in line with the watches, and decide on the prices that are known."""
        before, self._by_contract = self._by_contract, self._wanted()
        for conId in before.keys() - self._by_contract.keys():
            self._session.quotes.let_go(conId)
            self._table.unpriced.pop(conId, None)
        if not self._session.state.standing.ready:
            return
        for conId, watching in list(self._by_contract.items()):
            self._note_refusal(conId)
            await self._open(conId, watching[0])
            line = self._session.quotes.known(conId)
            if line is not None:
                self.decide(line)

    def _note_refusal(self, conId: int) -> None:
        """Note why no price of the contract comes; it stands until one comes."""
        line = self._session.quotes.known(conId)
        if line is not None and line.problem is not None:
            self._table.unpriced[conId] = line.problem.message
        elif line is not None and line.values.level is not None:
            self._table.unpriced.pop(conId, None)

    def decide(self, line: QuoteSubscription) -> None:
        """Fire what this price meets, and remember what it changes."""
        price = line.values.level
        for id, _, number, condition in self._by_contract.get(line.contract.conId, ()) if price is not None else ():
            watch = self._table.get(id)
            if watch is None or price is None:
                continue
            fires, mark = decide(condition, watch.marks[number], price)
            if fires:
                now = self._session.now()
                told = _priced(line, price, watch.marks[number].base, now)
                self._table.fire(id, number, mark, told)
            else:
                self._table.note(id, number, mark)

    def _wanted(self) -> dict[int, list[Watching]]:
        found: dict[int, list[Watching]] = {}
        for watch in self._table.all():
            for number, condition in enumerate(conditions(watch)):
                if condition.event == "price" and condition.conId is not None:
                    found.setdefault(condition.conId, []).append((watch.id, watch.principal, number, condition))
        return found

    async def _open(self, conId: int, watching: Watching) -> None:
        """Open the line if there is none. One that TWS refused is asked for again after a while."""
        quotes = self._session.quotes
        quotes.hold(conId)
        line = quotes.known(conId)
        if (line is not None and line.problem is None) or self._again_ms.get(conId, 0) > self._now_ms():
            return
        self._again_ms[conId] = self._now_ms() + ASK_AGAIN_MS
        try:
            with acting_for(watching[1]):
                await quotes.open(await self._session.contracts.contract(watching[3].contract()))
        except Exception as problem:
            error = as_tool_error(problem)
            if error is None:
                raise
            self._table.unpriced[conId] = error.message
            return  # it is asked for again after a while
        self._again_ms.pop(conId, None)


def _priced(line: QuoteSubscription, price: float, base: float | None, at: datetime) -> SessionEvent:
    details: dict[str, Any] = {"price": price, "marketDataType": line.values.marketDataType}
    if base is not None:
        details |= {"from": base, "changePercent": round((price - base) / abs(base) * 100, 4)}
    time, name = at.isoformat(timespec="milliseconds"), contract_name(line.contract)
    return SessionEvent("alert", time, conId=line.contract.conId, symbol=name, details=details)
