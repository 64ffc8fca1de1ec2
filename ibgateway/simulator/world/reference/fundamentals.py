"""Fundamental reports: XML in the shape of the reports that TWS passes on, filled with made-up figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.reference.company import CompanyFigures, report_dates

YEARS = 5
GROWTH = 0.94  # each year before was smaller


@dataclass(frozen=True)
class ReportSubject:
    instrument: Instrument
    price: float
    today: date
    figures: CompanyFigures


def report(subject: ReportSubject, reportType: str) -> str:
    """One report; 430 for what is not available (funds, indices, unknown reports)."""
    if reportType not in REPORTS or subject.instrument.secType != "STK" or subject.instrument.stockType == "ETF":
        raise Refusal(430, "We are sorry, but fundamentals data for the security specified is not available.")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + REPORTS[reportType](subject)


def _company(subject: ReportSubject) -> str:
    of = subject.instrument
    return (
        f'<CoIDs><CoID Type="CompanyName">{escape(of.longName)}</CoID></CoIDs>'
        f'<Issues><Issue ID="1" Type="C" Desc="Common Stock"><IssueID Type="Ticker">{escape(of.symbol)}</IssueID>'
        f'<Exchange Code="{escape(of.primaryExchange)}" Country="USA">{escape(of.primaryExchange)}</Exchange>'
        f"</Issue></Issues>"
    )


def _snapshot(subject: ReportSubject) -> str:
    made, price = subject.figures, subject.price
    ratios = {
        "NPRICE": price,
        "MKTCAP": made.shares * price / 1e6,
        "PEEXCLXOR": price / made.eps,
        "TTMREV": made.revenue,
        "TTMNIAC": made.income,
        "TTMEPSXCLX": made.eps,
        "TTMDIVSHR": made.dividend,
        "YIELD": made.dividend / price * 100,
    }
    fields = "".join(f'<Ratio FieldName="{name}" Type="N">{value:.5f}</Ratio>' for name, value in ratios.items())
    industry = escape(subject.instrument.industry)
    return (
        f'<ReportSnapshot Major="1" Minor="0" Revision="1">{_company(subject)}'
        f'<CoGeneralInfo><SharesOut Date="{subject.today}" TotalFloat="{made.shares * 0.97:.1f}">{made.shares:.1f}'
        f'</SharesOut></CoGeneralInfo><peerInfo><IndustryInfo><Industry order="1">{industry}</Industry>'
        f'</IndustryInfo></peerInfo><Ratios PriceCurrency="USD" ReportingCurrency="USD"><Group ID="Income Statement">'
        f"{fields}</Group></Ratios></ReportSnapshot>"
    )


def _summary(subject: ReportSubject) -> str:
    made = subject.figures
    rows = [
        (year, made.revenue * GROWTH**n, made.eps * GROWTH**n, made.dividend * GROWTH**n) for n, year in _years(subject)
    ]
    revenue = "".join(f'<TotalRevenue asofDate="{y}" period="12M">{r * 1e6:.0f}</TotalRevenue>' for y, r, _, _ in rows)
    eps = "".join(f'<EPS asofDate="{y}" period="12M">{e:.2f}</EPS>' for y, _, e, _ in rows)
    paid = "".join(f'<DividendPerShare asofDate="{y}" period="12M">{d:.2f}</DividendPerShare>' for y, _, _, d in rows)
    return (
        f'<FinancialSummary><EPSs currency="USD">{eps}</EPSs><DividendPerShares currency="USD">{paid}'
        f'</DividendPerShares><TotalRevenues currency="USD">{revenue}</TotalRevenues></FinancialSummary>'
    )


def _statements(subject: ReportSubject) -> str:
    made = subject.figures
    periods = "".join(
        f'<FiscalPeriod Type="Annual" EndDate="{year}" FiscalYear="{year.year}"><Statement Type="INC">'
        f'<lineItem coaCode="RTLR">{made.revenue * GROWTH**n:.2f}</lineItem>'
        f'<lineItem coaCode="NINC">{made.income * GROWTH**n:.2f}</lineItem>'
        f"</Statement></FiscalPeriod>"
        for n, year in _years(subject)
    )
    return (
        f'<ReportFinancialStatements Major="1" Minor="0" Revision="1">{_company(subject)}<FinancialStatements>'
        f"<AnnualPeriods>{periods}</AnnualPeriods></FinancialStatements></ReportFinancialStatements>"
    )


def _estimates(subject: ReportSubject) -> str:
    made = subject.figures
    return (
        f'<REarnEstCons Major="1" Minor="0" Revision="1">{_company(subject)}<ConsEstimates><FYEstimates>'
        f'<FYEstimate type="EPS"><FYPeriod fYear="{subject.today.year}"><ConsEstimate type="Mean"><ConsValue '
        f'dateType="CURR">{made.eps / GROWTH:.2f}</ConsValue></ConsEstimate></FYPeriod></FYEstimate></FYEstimates>'
        f"</ConsEstimates></REarnEstCons>"
    )


def _ownership(subject: ReportSubject) -> str:
    shares = subject.figures.shares
    owners = "".join(
        f'<Owner ownerId="{n}"><type>3</type><name>Simulated Fund {n}</name>'
        f'<quantity asofDate="{subject.today}">{shares * share:.1f}</quantity></Owner>'
        for n, share in enumerate((0.08, 0.06, 0.03), start=1)
    )
    return (
        f'<OwnershipReport><floatShares asofDate="{subject.today}">{shares:.0f}</floatShares>{owners}</OwnershipReport>'
    )


def _calendar(subject: ReportSubject) -> str:
    days = report_dates(subject.instrument, subject.today, subject.today + timedelta(days=200))
    events = "".join(
        f'<Earnings><Period type="Quarter"/><Date>{day:%m/%d/%Y}</Date><Time>After market</Time></Earnings>'
        for day in days
    )
    return f"<WSHData><Company><Ticker>{escape(subject.instrument.symbol)}</Ticker>{events}</Company></WSHData>"


def _years(subject: ReportSubject) -> list[tuple[int, date]]:
    return [(n, date(subject.today.year - 1 - n, 12, 31)) for n in range(YEARS)]


REPORTS: dict[str, Callable[[ReportSubject], str]] = {
    "ReportSnapshot": _snapshot,
    "ReportsFinSummary": _summary,
    "ReportsFinStatements": _statements,
    "RESC": _estimates,
    "ReportsOwnership": _ownership,
    "CalendarReport": _calendar,
}
