"""The tools of TWS's market scanner: its parameters, and a run."""

import re
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from bridge.tool import Model, ToolRequest, tool
from bridge.tools.types import Cell, Text

MOST_PARAMETERS = 50  # rows of one answer
MOST_ROWS = 50  # TWS's own limit of a scan
MOST_FILTERS = 20

ParameterKind = Literal["scanCode", "locationCode", "instrument", "filter"]
_FILTER = re.compile(r"([A-Za-z][A-Za-z0-9_.]{0,63}) *= *([!-:<>-~][ -:<>-~]{0,99})")  # a value has no ; and no =


def _as_filters(written: Any) -> Any:
    """Let a model write the filters as an object: {"priceAbove": 5}."""
    return [f"{name}={value}" for name, value in written.items()] if isinstance(written, dict) else written


def _filter(written: str) -> str:
    found = _FILTER.fullmatch(written.strip())
    if found is None:
        raise ValueError('a filter is written as its name and value, such as "priceAbove=5"')
    return f"{found[1]}={found[2].strip()}"


Filter = Annotated[str, StringConstraints(min_length=3, max_length=170), AfterValidator(_filter)]


class ScannerParameterTable(Model):
    """A table: `rows` have the values of `columns`. `of`: the codes that match; `truncated`: more than the rows."""

    count: int
    truncated: bool
    of: int
    simulated: bool
    next: str | None
    columns: list[str]
    rows: list[list[Cell]]


class ScannerRows(Model):
    """A table: the contracts in the order of the scan's rank, best first. `same`: what is equal in all rows.

    `time`: of the answer; the ranking is TWS's own, of some seconds to a minute before. A count of 0: TWS found none.
    `warning`: TWS's own words where its data are not live.
    """

    count: int
    truncated: bool
    simulated: bool
    time: datetime
    scanCode: str
    locationCode: str
    warning: str | None
    same: dict[str, Cell]
    columns: list[str]
    rows: list[list[Cell]]


@tool(returns=ScannerParameterTable, toolset="scanners", deadline_s=45)
class GetScannerParameters(ToolRequest):
    """Find codes for ibkr_run_scanner by words: scanCode (ranking), locationCode (market), instrument, filter."""

    title: ClassVar = "market scanner codes"
    search_words: ClassVar = "screener stock screen criteria scan types filters markets list"

    words: Annotated[Text | None, Field(description="such as: gain")] = None
    kind: ParameterKind = "scanCode"


@tool(returns=ScannerRows, toolset="scanners", deadline_s=45)
class RunScanner(ToolRequest):
    """Scan a market: up to 50 contracts ranked by scanCode, such as TOP_PERC_GAIN, TOP_PERC_LOSE, MOST_ACTIVE,
    HOT_BY_VOLUME. ibkr_get_scanner_parameters has all codes, ibkr_get_quotes the prices."""

    title: ClassVar = "market scanner"
    search_words: ClassVar = (
        "screener top gainers losers most active movers stocks up today biggest volume find stocks by criteria"
    )

    scanCode: Text
    locationCode: Text = "STK.US.MAJOR"
    instrument: Text = "STK"
    filters: Annotated[
        list[Filter] | None,
        Field(max_length=MOST_FILTERS, description="such as priceAbove=5, marketCapAbove1e6=1000"),
        BeforeValidator(_as_filters),
    ] = None
    limit: Annotated[int, Field(ge=1, le=MOST_ROWS)] = 25
