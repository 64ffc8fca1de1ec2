"""Reads the quotes and greeks of many options, each from its market-data line, some lines at a time."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import ib_async

from bridge.text.contract_name import contract_name
from bridge.tool import ToolError
from ib_worker.market_data.quote import QuoteState
from ib_worker.market_data.quote_line import QuoteSubscription, kept_from_quotes, lacks_prices
from ib_worker.session.session import Session
from ib_worker.tws.errors import ConnectionLost, as_tool_error

SHARE = 2  # one call opens at most every second of the lines that quotes may use; the rest follows as they end
LEG_S = 20.0  # for one option, the wait for its turn included: below the call's own deadline
PRICE_S = 2.0  # for the first values of all options together, from the first line on
LATER_S = 1.0  # for those of an option whose line was opened at the end of that time
WHOLE_S = 0.15  # TWS sends an option's first values one after another, within a moment


@dataclass(frozen=True)
class OptionLeg:
    """One option, and its values or why it has none."""

    contract: ib_async.Contract
    values: QuoteState | None = None
    error: ToolError | None = None

    @property
    def unlisted(self) -> bool:
        return self.error is not None and self.error.details.get("twsCode") == 200


class LegReader:
    """The lines that one call may have open at once, and the time that it waits for values."""

    def __init__(self, session: Session) -> None:
        most = session.settings.market_data_lines
        self._places = asyncio.Semaphore(max((most - kept_from_quotes(most)) // SHARE, 1))
        self._session = session
        self._until: float | None = None

    async def read(self, contracts: Sequence[ib_async.Contract]) -> list[OptionLeg]:
        """Return each option with its values or its error. Raises what concerns the whole session."""
        outcomes = await asyncio.gather(*(self._leg(each) for each in contracts), return_exceptions=True)
        for each in outcomes:
            if isinstance(each, BaseException):
                raise each
        return [each for each in outcomes if isinstance(each, OptionLeg)]

    async def price(self, contract: ib_async.Contract) -> float:
        """Return a contract's last price, the middle of its bid and ask, or its last close. Raises ToolError."""
        line = await self._line(contract)
        if line.problem is not None:
            raise line.problem
        price = line.values.level
        price = line.values.known(self._session.now()).close if price is None else price
        if price is None:
            self._session.require_ready()  # no price came because the session broke
            raise ToolError(
                "no_data",
                f"TWS has sent no price of {contract_name(contract)}.",
            )
        return price

    async def _leg(self, contract: ib_async.Contract) -> OptionLeg:
        try:
            async with asyncio.timeout(LEG_S):
                line = await self._line(contract)
        except ConnectionLost:
            raise
        except Exception as problem:
            error = as_tool_error(problem)
            if error is None:
                raise
            return OptionLeg(contract, error=error)
        if line.problem is not None:
            return OptionLeg(contract, error=line.problem)
        if not line.values.priced and line.values.greeks is None:
            return OptionLeg(contract, error=ToolError("no_data", NO_VALUES))
        return OptionLeg(contract, line.values)

    async def _line(self, contract: ib_async.Contract) -> QuoteSubscription:
        """Return the contract's line with its first values, or one of delayed or frozen values where it has none and
        those come; else the line as it is after the wait."""
        quotes, usual = self._session.quotes, self._session.settings.market_data_type
        line, substitute = quotes.known_as(contract), quotes.substitute(contract)
        if line is not None and _is_settled(line) and not lacks_prices(line, usual):
            return await quotes.open_briefly(contract)
        if substitute is not None and _is_settled(substitute):
            return await quotes.open_substitute(contract)
        async with self._places:
            line = await quotes.open_briefly(contract)
            with _reading(line):
                await self._first_values(line)
            return await self._substitute(line) if lacks_prices(line, usual) else line

    async def _substitute(self, line: QuoteSubscription) -> QuoteSubscription:
        """Return a line of delayed or frozen values; the line itself where none come, or none is left to ask with."""
        try:
            substitute = await self._session.quotes.open_substitute(line.contract)
        except ToolError:
            return line
        with _reading(substitute):
            await self._first_values(substitute)
        return substitute if substitute.values.priced else line

    async def _first_values(self, line: QuoteSubscription) -> None:
        loop = asyncio.get_running_loop()
        self._until = self._until or loop.time() + PRICE_S
        until = max(self._until, loop.time() + LATER_S)
        if not line.quiet and not await self._came(until, line.settled, line.computed):
            line.quiet = True
        if line.problem is not None or line.quiet:
            return
        if line.is_option and not line.uncomputed and not await self._came(until, line.computed):
            line.uncomputed = True
        if line.settled.is_set() and not line.whole.is_set():
            await self._came(loop.time() + WHOLE_S, line.whole)

    async def _came(self, until: float, *events: asyncio.Event) -> bool:
        """Wait for the first of some events; return whether one came in time. Raises ConnectionLost."""
        if any(each.is_set() for each in events):
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._session.tws.while_connected(_first_of(events))
        return any(each.is_set() for each in events)


NO_VALUES = (
    f"TWS has sent no price and no greeks within {PRICE_S:g} seconds. The market may be closed, or nobody quotes the "
    "option."
)


def _is_settled(line: QuoteSubscription) -> bool:
    if line.problem is not None:
        return False
    computed = not line.is_option or line.uncomputed or line.computed.is_set()
    return computed and (line.values.priced or line.values.greeks is not None)


async def _first_of(events: Sequence[asyncio.Event]) -> None:
    waits = [asyncio.create_task(each.wait()) for each in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()


@contextmanager
def _reading(line: QuoteSubscription) -> Iterator[None]:
    """Keep the line while its values are awaited."""
    line.readers += 1
    try:
        yield
    finally:
        line.readers -= 1
