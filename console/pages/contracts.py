"""A contract's page: its candles of the day and of a year, drawn, in a sentence and as a table."""

from typing import get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bridge.tool import ToolError
from bridge.tools.console.candles import ContractCandles, Span
from console.live.candles import CandleReader, started
from console.live.overview import for_operators
from console.pages.pages import Pages
from console.pages.rendering import price, signed

SPANS: tuple[Span, ...] = get_args(Span)
SHOWN = 30  # candles of the table, the newest
ELSEWHERE = frozenset({"bus_down"})  # errors that the page of a console without Redis tells


class ContractPages:
    """The contracts' pages of one session."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._candles = CandleReader(pages.bus)

    async def shown(self, request: Request) -> Response:
        """The page of one contract, with what is known of its candles."""
        visitor = await self._pages.visitor(request)
        if visitor is None:
            return self._pages.stranger_page(request)
        conId, span, why = request.path_params["conId"], _span(request), ""
        try:
            candles: ContractCandles | None = await self._candles.read(conId, span, visitor.sign_in)
        except ToolError as error:
            if error.code in ELSEWHERE:
                raise
            candles, why = None, for_operators(error.message)
        return await self._pages.framed(
            visitor, "contract", conId=conId, span=span, candles=candles, why=why, spans=SPANS,
            told=summary(candles) if candles else "", rows=list(reversed(candles.rows[-SHOWN:])) if candles else [],
        )  # fmt: skip

    async def candles(self, request: Request) -> Response:
        """The candles as JSON, for the drawing: all, or those from `since` on."""
        visitor = await self._pages.visitor(request)
        if visitor is None:
            return PlainTextResponse("Sign in first.\n", 401)
        try:
            found = await self._candles.read(request.path_params["conId"], _span(request), visitor.sign_in)
        except ToolError as error:
            return JSONResponse({"problem": for_operators(error.message), "rows": []}, 503)
        since = _since(request)
        told = found.model_dump(mode="json", exclude={"rows"})
        return JSONResponse(
            told | {"summary": summary(found), "rows": [each for each in found.rows if each[0] >= since]}
        )


def _span(request: Request) -> Span:
    asked = request.query_params.get("span")
    return next((each for each in SPANS if each == asked), SPANS[0])


def _since(request: Request) -> int:
    written = request.query_params.get("since", "")
    return int(written) if written.isascii() and written.isdigit() and len(written) < 12 else 0


def summary(candles: ContractCandles) -> str:
    """Return the candles in one sentence, for who does not see them. Pure."""
    if not candles.rows:
        return candles.problem or f"TWS has told no candles of {candles.name} yet."
    first, last = candles.rows[0], candles.rows[-1]
    high, low = max(row[2] for row in candles.rows), min(row[3] for row in candles.rows)
    change = f" ({signed((last[4] / first[1] - 1) * 100)} %)" if first[1] > 0 else ""
    span = f"{started(candles, first)} to {started(candles, last)}{'' if candles.span == 'year' else ' UTC'}"
    return (
        f"{candles.name}, {candles.barSizeSetting}, {span}: opened {price(first[1])}, high {price(high)}, "
        f"low {price(low)}, last {price(last[4])} {candles.currency or ''}{change}."
    )
