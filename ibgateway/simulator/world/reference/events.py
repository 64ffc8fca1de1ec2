"""Wall Street Horizon's events: earnings dates and dividends of the catalogue's companies, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.reference.company import report_dates

TYPES = (
    ("wshe_ed", "Earnings Date", ("earnings_date", "time_of_day", "quarter")),
    ("wshe_div", "Dividends", ("ex_date", "pay_date", "dividend_type")),
)
DEFAULT_DAYS = 90
MOST = 100


def meta() -> str:
    """Return the metadata: the kinds of events and the filters."""
    types = [
        {"name": name, "tag": tag, "columns": [{"name": column, "tag": column} for column in columns]}
        for tag, name, columns in TYPES
    ]
    return json.dumps({"validated": True, "data": {"applications": ["WSHE"], "meta_data": {"event_types": types}}})


def events(directory: Directory, conId: int, filter_text: str, start: str, end: str, total: int, today: date) -> str:
    """Events of one company, or of those that the filter's watchlist names, soonest first."""
    asked = _filter(filter_text)
    wanted = [conId] if conId else [int(each) for each in asked.get("watchlist", [])]
    companies = [each for each in map(directory.get, wanted) if each is not None and each.stockType == "COMMON"]
    if not companies:
        raise Refusal(10278, "Failed to request WSH event data:no companies were named that have events")
    first = _date(start) or today
    last = _date(end) or first + timedelta(days=DEFAULT_DAYS)
    kinds = [tag for tag, _, _ in TYPES if asked.get(tag, "true") == "true" or tag not in asked]
    found = [event for each in companies for event in _of(each, first, last) if event["event_type"] in kinds]
    found.sort(key=lambda event: str(event["index_date"]))
    return json.dumps(found[: max(1, min(total, MOST))])


def _filter(text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        asked = json.loads(text)
        if isinstance(asked, dict) and all(str(each).isdigit() for each in asked.get("watchlist", [])):
            return asked
    except ValueError:
        pass
    raise Refusal(10278, "Failed to request WSH event data:invalid filter")


def _of(company: Instrument, first: date, last: date) -> Iterator[dict[str, Any]]:
    for day in report_dates(company, first, last):
        data: dict[str, Any] = {
            "earnings_date": f"{day:%Y%m%d}",
            "time_of_day": "AFTER MARKET",
            "quarter": f"Q{(day.month - 1) // 3 + 1}",
        }
        yield _event("wshe_ed", company, day, data)
    for day in report_dates(company, first - timedelta(days=20), last - timedelta(days=20)):
        ex_date = day + timedelta(days=20)
        paid = f"{ex_date + timedelta(days=14):%Y%m%d}"
        data = {"ex_date": f"{ex_date:%Y%m%d}", "pay_date": paid, "dividend_type": "REGULAR"}
        yield _event("wshe_div", company, ex_date, data)


def _event(kind: str, company: Instrument, day: date, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "event_key": f"{kind}-{company.conId}-{day:%Y%m%d}",
        "event_type": kind,
        "conids": [company.conId],
        "ticker": company.symbol,
        "index_date": f"{day:%Y%m%d}",
        "index_date_type": "Initial",
        "data": data,
    }


def _date(text: str) -> date | None:
    try:
        return datetime.strptime(text[:8], "%Y%m%d").date() if text else None
    except ValueError as error:
        raise Refusal(10278, "Failed to request WSH event data:invalid date") from error
