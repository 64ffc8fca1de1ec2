"""The queries about scanners, news, fundamentals, events and an advisor's set-up, as methods of the world."""

from __future__ import annotations

from ibgateway.simulator.model.chunks import Pieces, at_once
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.research import Article, Headline, ScannerQuery, ScannerRow
from ibgateway.simulator.world.parts import WorldParts
from ibgateway.simulator.world.reference import events, fundamentals, scanner
from ibgateway.simulator.world.reference.company import figures
from ibgateway.simulator.world.reference.news import PROVIDERS, bulletins


class ReferenceQueries(WorldParts):
    """Reference data: rankings, news, reports, events, groups."""

    def scan(self, query: ScannerQuery) -> list[ScannerRow]:
        """Return ranked rows, at most 50; Refusal 162 for an unknown scan code."""
        return at_once(self.scan_in_pieces(query))

    def scan_in_pieces(self, query: ScannerQuery) -> Pieces[list[ScannerRow]]:
        """Return the same rows, computed instrument by instrument."""
        return scanner.scan(self._market, self._directory, query, self.now)

    def scanner_parameters(self) -> str:
        """Return the scanner's parameters as XML."""
        return scanner.parameters()

    def news_providers(self) -> list[tuple[str, str]]:
        """Return the code and name of each news provider."""
        return list(PROVIDERS)

    def historical_news(
        self, conId: int, providerCodes: str, start: float | None, end: float | None, total: int
    ) -> list[Headline]:
        """Return headlines, latest first, at most `total` (at most 300); codes are joined by "+"."""
        return self._news.historical(conId, providerCodes, start, end, total, self.now)

    def article(self, providerCode: str, articleId: str) -> Article:
        """Return one article; Refusal 10172 if there is none."""
        return self._news.article(providerCode, articleId)

    def headlines(self, after: float, upto: float, contract: Contract | None) -> list[Headline]:
        """Return the news ticks in (after, upto] of one contract, or of the broad tape (None)."""
        return self._news.ticks(None if contract is None else self._of(contract), after, upto)

    def bulletins(self, after: float, upto: float) -> list[tuple[int, int, str, str]]:
        """Return the bulletins in (after, upto]: id, type (1 news, 2 halt, 3 resumption), text, exchange."""
        return bulletins(after, upto, self._halts)

    def fundamental_data(self, contract: Contract, reportType: str) -> str:
        """Return a fundamental report as XML; Refusal 430 if it is not available."""
        of = self._of(contract)
        price = self._market.price(of, self.now)
        return fundamentals.report(fundamentals.ReportSubject(of, price, self._today(), figures(of, price)), reportType)

    def wsh_meta(self) -> str:
        """Return Wall Street Horizon's event types as JSON."""
        return events.meta()

    def wsh_events(self, conId: int = 0, filter: str = "", start: str = "", end: str = "", total: int = 100) -> str:
        """Return corporate events as JSON."""
        return events.events(self._directory, conId, filter, start, end, total, self._today())

    def fa_config(self, kind: int) -> str:
        """Return an advisor's groups (1) or aliases (3) as XML."""
        return self._advisor.config(kind)

    def replace_fa(self, kind: int, xml: str) -> str:
        """Replace the groups or aliases, and return TWS's replaceFAEnd text."""
        text = self._advisor.replace(kind, xml)
        self._broker.groups = self._advisor.groups()
        return text

    def family_codes(self) -> list[tuple[str, str]]:
        """Return each account with its family code."""
        return [(account, "") for account in self.accounts]

    def soft_dollar_tiers(self) -> list[tuple[str, str, str]]:
        """Return name, value and display name of each tier."""
        return []

    def user_info(self) -> str:
        """Return the white branding id, empty for IBKR's own users."""
        return ""
