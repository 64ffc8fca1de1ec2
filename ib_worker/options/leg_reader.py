"""Reads the quotes and greeks of many options, each from its market-data line, some lines at a time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import ib_async

from bridge.text.contract_name import contract_name
from bridge.tool import ToolError
from ib_worker.market_data.first_prices import PRICE_S, FirstPrices
from ib_worker.market_data.quote import QuoteState
from ib_worker.market_data.quote_line import QuoteSubscription
from ib_worker.session.session import Session
from ib_worker.tws.errors import result_or_error

AT_A_TURN = 10  # options that one turn of the event loop begins: a hundred at once take up to 16 ms
LEG_S = 20.0  # for one option, the wait for its turn included: below the call's own deadline


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
    """One call's reader of options, all within one wait for their first values."""

    def __init__(self, session: Session) -> None:
        self._prices = FirstPrices(session.quotes, session.tws, session.settings.market_data_type, greeks=True)
        self._session = session

    async def read(self, contracts: Sequence[ib_async.Contract]) -> list[OptionLeg]:
        """Return each option with its values or its error. Raises what concerns the whole session."""
        legs = (self._in_turn(place, each) for place, each in enumerate(contracts))
        outcomes = await asyncio.gather(*legs, return_exceptions=True)
        for each in outcomes:
            if isinstance(each, BaseException):
                raise each
        return [each for each in outcomes if isinstance(each, OptionLeg)]

    async def price(self, contract: ib_async.Contract) -> float:
        """Return a contract's last price, the middle of its bid and ask, or its last close. Raises ToolError."""
        line = await self._prices.line(contract)
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

    async def _in_turn(self, place: int, contract: ib_async.Contract) -> OptionLeg:
        """Begin the option so many turns of the event loop later that others, such as an order, go on in between."""
        for _ in range(place // AT_A_TURN):
            await asyncio.sleep(0)
        return await self._leg(contract)

    async def _leg(self, contract: ib_async.Contract) -> OptionLeg:
        line = await result_or_error(self._line(contract))
        if isinstance(line, ToolError):
            return OptionLeg(contract, error=line)
        if line.problem is not None:
            return OptionLeg(contract, error=line.problem)
        if not line.values.priced and line.values.greeks is None:
            return OptionLeg(contract, error=ToolError("no_data", NO_VALUES))
        return OptionLeg(contract, line.values)

    async def _line(self, contract: ib_async.Contract) -> QuoteSubscription:
        async with asyncio.timeout(LEG_S):
            return await self._prices.line(contract)


NO_VALUES = (
    f"TWS has sent no price and no greeks within {PRICE_S:g} seconds. The market may be closed, or nobody quotes the "
    "option."
)
