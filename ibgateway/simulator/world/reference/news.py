"""News: headlines that the seed makes for each symbol, their articles, and the exchange's bulletins."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.research import Article, Headline
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.tapes.rng import stream
from ibgateway.simulator.world.time.calendar import calendar

PROVIDERS = (
    ("BRFG", "Briefing.com General Market Columns"),
    ("BRFUPDN", "Briefing.com Analyst Actions"),
    ("DJ-N", "Dow Jones News Service"),
    ("DJNL", "Dow Jones Newsletters"),
)
CODES = tuple(code for code, _ in PROVIDERS)
MOST = 300
DAY_S = 86_400
LONGEST_DAYS = 366
Bulletin = tuple[int, int, str, str]  # id, type, text, exchange
NEWS_BULLETIN, HALT_BULLETIN, RESUMPTION_BULLETIN = 1, 2, 3
FIRST_HALT_ID = 100_000
A_DAY = 4  # headlines of a symbol, at most
TEXTS = (
    "{name} shares little changed in early trading",
    "Analyst raises price target on {symbol}",
    "Analyst trims price target on {symbol}",
    "{name} announces date of quarterly results",
    "{name} to present at investor conference",
    "{symbol}: heavy volume near the open",
    "{name} says supply outlook is unchanged",
    "Options activity picks up in {symbol}",
)
MARKET_TEXTS = (
    "Stocks open mixed ahead of economic data",
    "Treasury yields little changed at midday",
    "Sector rotation continues in quiet trading",
    "Market closes off its highs",
)


class News:
    """Headlines are a function of seed, symbol and day; an article's id says which."""

    def __init__(self, seed: int, directory: Directory) -> None:
        self._seed = seed
        self._directory = directory

    def historical(
        self, conId: int, providers: str, start: float | None, end: float | None, total: int, now: float
    ) -> list[Headline]:
        """Latest first; codes may be joined by "+"."""
        instrument = self._directory.get(conId)
        if instrument is None:
            raise Refusal(321, "Error validating request.-'cD' : cause - Invalid contract id")
        wanted = {code for code in providers.replace(",", "+").split("+") if code}
        if wanted - set(CODES):
            raise Refusal(10276, f"News feed is not allowed: {'+'.join(sorted(wanted - set(CODES)))[:80]}")
        last = min(end if end is not None else now, now)
        first = max(start if start is not None else 0.0, last - LONGEST_DAYS * DAY_S)
        found: list[Headline] = []
        for day in range(int(last // DAY_S), int(first // DAY_S) - 1, -1):
            todays = self._of_day(instrument, day)
            found += [
                h for h in reversed(todays) if first <= h.time <= last and (not wanted or h.providerCode in wanted)
            ]
            if len(found) >= min(total, MOST):
                break
        return found[: min(total, MOST)]

    def ticks(self, instrument: Instrument | None, after: float, upto: float) -> list[Headline]:
        """Return the headlines of (after, upto]."""
        days = range(int(after // DAY_S), int(upto // DAY_S) + 1)
        return [each for day in days for each in self._of_day(instrument, day) if after < each.time <= upto]

    def article(self, providerCode: str, articleId: str) -> Article:
        """The text of one headline; 10172 when there is none."""
        headline = self._by_id(providerCode, articleId)
        if headline is None:
            raise Refusal(10172, "Failed to request news article:Not allowed")
        when = datetime.fromtimestamp(headline.time, UTC)
        text = (
            f"<html><body><h1>{headline.headline}</h1><p>{when:%B %d, %Y %H:%M} GMT. This report is made up by the "
            f"simulator. {headline.headline}. No further details were given.</p></body></html>"
        )
        return Article(0, text)

    def _by_id(self, providerCode: str, articleId: str) -> Headline | None:
        head, _, rest = articleId.partition("$")
        parts = rest.split("x")
        if head != providerCode or len(parts) != 3 or not all(_is_hex(part) for part in parts):
            return None
        conId, day, _ = (int(part, 16) for part in parts)
        instrument = self._directory.get(conId) if conId else None
        if (conId and instrument is None) or day > 40_000:
            return None
        return next((each for each in self._of_day(instrument, day) if each.articleId == articleId), None)

    def _of_day(self, instrument: Instrument | None, day: int) -> list[Headline]:
        """A day's headlines, oldest first; weekends are quiet."""
        if (day + 3) % 7 >= 5:
            return []
        conId = instrument.conId if instrument else 0
        draw = stream(self._seed, "news", conId, day)
        midnight = calendar("US_STOCK").local(day * DAY_S + DAY_S // 2).replace(hour=0, minute=0).timestamp()
        times = sorted(
            midnight + float(each) for each in draw.uniform(7 * 3600, 17 * 3600, int(draw.integers(1, A_DAY)))
        )
        return [
            self._headline(instrument, conId, day, number, round(time, 3), int(draw.integers(0, 1_000_000)))
            for number, time in enumerate(times)
        ]

    def _headline(
        self, instrument: Instrument | None, conId: int, day: int, number: int, time: float, pick: int
    ) -> Headline:
        provider = CODES[pick % len(CODES)]
        if instrument is None:
            text = MARKET_TEXTS[pick % len(MARKET_TEXTS)]
        else:
            name = instrument.longName.title() or instrument.symbol
            text = TEXTS[pick % len(TEXTS)].format(name=name, symbol=instrument.symbol)
        return Headline(time, provider, f"{provider}${conId:08x}x{day:x}x{number:x}", text, "K:0.00" if conId else "")


def _is_hex(text: str) -> bool:
    return 0 < len(text) <= 8 and all(each in "0123456789abcdef" for each in text)


def bulletins(after: float, upto: float, halts: list[tuple[str, str, float, float]]) -> list[Bulletin]:
    """As each trading day opens, and as halts (symbol, exchange, start, end) begin and end; oldest first."""
    timed = [(time, bulletin) for time, bulletin in _all(after, upto, halts) if after < time <= upto]
    return [bulletin for _, bulletin in sorted(timed)]


def _all(after: float, upto: float, halts: list[tuple[str, str, float, float]]) -> Iterator[tuple[float, Bulletin]]:
    days = calendar("US_STOCK")
    index = max(days.index_at(after), 0)
    while index < len(days) and days.open_of(index) <= upto:
        opening = next(span.start for span in days.spans(index) if span.liquid)
        yield opening, (index, NEWS_BULLETIN, f"The simulated exchange opens for {days.day(index):%Y-%m-%d}.", "NYSE")
        index += 1
    for number, (symbol, exchange, start, end) in enumerate(halts):
        identity = FIRST_HALT_ID + 2 * number
        yield start, (identity, HALT_BULLETIN, f"Trading in {symbol} is halted.", exchange)
        yield end, (identity + 1, RESUMPTION_BULLETIN, f"Trading in {symbol} resumes.", exchange)
