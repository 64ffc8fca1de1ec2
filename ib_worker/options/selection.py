"""Reads the options that a call means: by strikes, around the money, or by delta."""

import asyncio
from bisect import bisect_left
from collections.abc import Sequence

import ib_async

from bridge.text.option_slices import BOTH, StrikeChoice, delta_choice, strike_choice
from bridge.tool import ToolError
from bridge.tools.market.options import GetOptionQuotes
from ib_worker.options.delta_estimate import DeltaTarget, Known, Money, fitting, to_ask_for
from ib_worker.options.expiries import years_left
from ib_worker.options.leg_reader import LegReader, OptionLeg
from ib_worker.options.option_table import under_price
from ib_worker.options.strikes import chosen_strikes, likely, nearest, none_between, past_the_end
from ib_worker.options.underlyings import ListedExpiry
from ib_worker.session.session import Session

PROBES = 12  # options more than are told, to find those of a delta
NEIGHBOURS = 2  # strikes on each side of one that is not listed
ROUNDS = 4  # of requests: a strike that TWS does not have is replaced by its neighbour, a delta is approached


class Selection:
    """The options of one expiry that one call reads. `cut`: how many of those that its arguments mean are beyond the
    limit; `unlisted`: named strikes that the expiry lacks; `price`: the underlying's, if it was needed."""

    def __init__(self, session: Session, request: GetOptionQuotes, listed: ListedExpiry) -> None:
        self._session = session
        self._listed = listed
        self._rights: Sequence[str] = ("C", "P") if request.right == BOTH else (request.right,)
        self._request = request
        self._reader = LegReader(session)
        self._read: dict[tuple[float, str], OptionLeg] = {}
        place = listed.of.tradingClass, listed.expiry
        self._there, self._missing = listed.options.chain.listed[place], listed.options.chain.unlisted[place]
        self.cut = 0
        self.unlisted: set[float] = set()
        self.price: float | None = None
        self._recalled = False  # the price is of an earlier call

    async def legs(self) -> list[OptionLeg]:
        """Return the options, with values or errors, by strike."""
        choice = strike_choice(self._request.strikes)
        if self._request.delta:
            found = await self._by_delta(choice if "strikes" in self._request.model_fields_set else None)
        else:
            found = await self._by_strike(choice)
        return sorted(found, key=lambda leg: (leg.contract.strike, leg.contract.right))

    def near(self, strike: float) -> list[float]:
        """Return the strikes that the expiry may have beside one that it lacks: two below and two above."""
        others = [each for each in self._candidates(None) if each not in self.unlisted]
        at = bisect_left(others, strike)
        return others[max(at - NEIGHBOURS, 0) : at + NEIGHBOURS]

    def shortfall(self, legs: Sequence[OptionLeg]) -> str:
        """Return, in words, why the listed strikes do not give what was asked for; empty where they do."""
        choice, delta = strike_choice(self._request.strikes), self._request.delta
        listed = self._candidates(None)
        within = not delta or "strikes" in self._request.model_fields_set
        if within and not choice.listed and not choice.around:
            if told := none_between(listed, choice, self.price):
                return told
        elif (delta or choice.around) and (
            told := past_the_end(listed, {leg.contract.strike for leg in legs}, self.price)
        ):
            return told
        return f"No option with a delta of {delta} was found." if delta and not legs else ""

    # by strike

    async def _by_strike(self, choice: StrikeChoice) -> list[OptionLeg]:
        if choice.needs_price:
            await self._learn_price()
        wanted: list[float] = []
        for _ in range(ROUNDS):
            wanted = self._chosen(choice)
            await self._read_all([(strike, right) for strike in wanted for right in self._rights])
            moved = self._renew_price() and self._chosen(choice) != wanted
            if not moved and (choice.listed or not self._missing.intersection(wanted)):
                break
        self.unlisted |= self._missing.intersection(choice.listed)
        return [self._read[strike, right] for strike in wanted if strike not in self._missing for right in self._rights]

    def _chosen(self, choice: StrikeChoice) -> list[float]:
        """Return the strikes to read, of which those nearest to the money stay where they are too many."""
        listed = self._candidates(choice)
        self.unlisted = set(choice.listed).difference(listed)
        most = max(self._request.limit // len(self._rights), 1)
        self.cut = max(len(listed) - most, 0) * len(self._rights)
        middle = self.price if self.price is not None else sum(listed) / max(len(listed), 1)
        return nearest(listed, middle, most)

    def _candidates(self, choice: StrikeChoice | None) -> list[float]:
        """Return the strikes of a choice, or all, that the expiry may have."""
        listed = [each for each in self._listed.of.strikes if each not in self._missing]
        if choice is not None and choice.listed:
            return [each for each in choice.listed if each in listed]
        listed = list(likely(listed, self._there, self._missing))
        return listed if choice is None else chosen_strikes(listed, choice, self.price)

    # by delta

    async def _by_delta(self, choice: StrikeChoice | None) -> list[OptionLeg]:
        await self._learn_price()
        if not self._candidates(choice):
            return []
        low, high = delta_choice(self._request.delta)
        found = await asyncio.gather(*(self._of_right(DeltaTarget(right, low, high), choice) for right in self._rights))
        return [leg for legs in found for leg in legs]

    async def _of_right(self, target: DeltaTarget, choice: StrikeChoice | None) -> list[OptionLeg]:
        """Return the options of one right with a wanted delta; TWS is asked for few more than are told."""
        listed = self._listed
        money = Money(self.price or 0.0, years_left(listed.expiry, self._session.now(), listed.options.zone))
        most = max(self._request.limit // len(self._rights), 1)
        for turn in range(ROUNDS + 1):
            strikes, known = self._candidates(choice), self._known(target.right)
            wanted = to_ask_for(strikes, target, money, known) if known else nearest(strikes, money.price, turn + 1)
            unread = [each for each in wanted if (each, target.right) not in self._read]
            room = most + PROBES - sum(right == target.right for _, right in self._read)
            if not unread or room <= 0:
                break
            await self._read_all([(each, target.right) for each in nearest(unread, money.price, room)])
        fits = fitting(target, self._known(target.right))
        if not self._known(target.right):
            self._raise_without_greeks(target.right)
        self.cut += max(len(fits) - most, 0)
        return [self._read[each, target.right] for each in nearest(fits, money.price, most)]

    def _known(self, right: str) -> Known:
        """Return the deltas and volatilities that TWS has told of one right."""
        found = {}
        for (strike, of), leg in self._read.items():
            greeks = leg.values.greeks if leg.values is not None else None
            if of == right and greeks is not None and greeks.delta is not None and greeks.impliedVol:
                found[strike] = (abs(greeks.delta), greeks.impliedVol)
        return found

    def _raise_without_greeks(self, right: str) -> None:
        """Raise the error that TWS gave for the options, or no_data where it sent no greeks."""
        self._session.require_ready()  # none came because the session broke
        for (_, of), leg in self._read.items():
            if of == right and leg.error is not None and not leg.unlisted:
                raise leg.error
        raise ToolError(
            "no_data",
            "TWS has sent no greeks, by which the delta is found. The market may be closed, or the account lacks the "
            "underlying's quotes. Choose by strikes instead.",
        )

    # options

    def _renew_price(self) -> bool:
        """Take the underlying's price from the options themselves, where they were chosen by an older one. Return
        whether it was taken."""
        fresh = under_price(list(self._read.values()))
        if fresh is not None:
            self._session.option_chains.note_price(self._listed.options.under.conId, fresh)
        if fresh is None or not self._recalled:
            return False
        self.price, self._recalled = fresh, False
        return True

    async def _learn_price(self) -> None:
        """Find the price to choose strikes by: one of the last minute saves a market-data line."""
        under = self._listed.options.under
        if self._session.quotes.known_as(under) is None:
            self.price = self._session.option_chains.recent_price(under.conId)
        if self.price is not None:
            self._recalled = True
            return
        try:
            self.price = await self._reader.price(under)
        except ToolError as error:
            if error.code != "no_data":
                raise
            raise ToolError(
                error.code,
                f"The underlying's price is needed to choose strikes. {error.message} Strikes as numbers, such as "
                "380-420, need none.",
                **error.details,
            ) from error

    async def _read_all(self, wanted: Sequence[tuple[float, str]]) -> None:
        """Read what is not read yet, and note the strikes that TWS does not have."""
        unread = [each for each in wanted if each not in self._read]
        legs = await self._reader.read([self._contract(*each) for each in unread])
        for key, leg in zip(unread, legs, strict=True):
            self._read[key] = leg
            if leg.unlisted:
                self._missing.add(key[0])
            elif leg.error is None:
                self._there.add(key[0])

    def _contract(self, strike: float, right: str) -> ib_async.Contract:
        """Return an option by its terms: to look its conId up would be a message of its own for each."""
        under, of = self._listed.options.under, self._listed.of
        return ib_async.Contract(
            symbol=under.symbol,
            secType="FOP" if under.secType == "FUT" else "OPT",
            lastTradeDateOrContractMonth=self._listed.expiry,
            strike=strike,
            right=right,
            multiplier=of.multiplier,
            exchange=of.exchange,
            currency=under.currency,
            tradingClass=of.tradingClass,
        )
