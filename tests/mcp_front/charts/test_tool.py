"""A chart's call, from its arguments to its image."""

from base64 import b64decode

import pytest

from tests.stacks.front import ERAS, answering, serving, worker

BARS = {
    "count": 2,
    "columns": ["date", "open", "high", "low", "close", "volume"],
    "rows": [["2025-06-10", 1, 2, 1, 2, 5], ["2025-06-11", 2, 3, 1, 1, 6]],
}
EQUITY = {
    "count": 2, "truncated": False, "simulated": False, "account": "DU1", "same": {"currency": "USD"},
    "columns": ["date", "netLiquidation", "returnPercent"],
    "rows": [["2025-06-10", 100, None], ["2025-06-11", 110, 10.0]],
}  # fmt: skip
HANDLERS = {"get_historical_data": answering(BARS), "get_account_history": answering(EQUITY)}


@pytest.mark.parametrize("era", ERAS)
async def test_the_answer_is_a_line_and_an_image_without_structured_content(
    redis_url: str, session: str, era: str
) -> None:
    async with worker(redis_url, session, HANDLERS), serving(redis_url, session) as front:
        told = await front.raw(era).call("ibkr_get_chart", symbol="SPY", durationStr="2 D")
        listed = (await front.raw(era).request("tools/list"))["result"]["tools"]

    text, image = told["content"]
    assert "structuredContent" not in told
    assert text["text"].startswith("SPY: 2 candles of 1 day, 10 Jun 2025 to 11 Jun 2025. Last 1.0000")
    assert image["mimeType"] == "image/png"
    assert b64decode(image["data"]).startswith(b"\x89PNG")
    assert "outputSchema" not in next(each for each in listed if each["name"] == "ibkr_get_chart")


async def test_an_account_and_too_few_bars(redis_url: str, session: str) -> None:
    none = HANDLERS | {"get_historical_data": answering(BARS | {"rows": BARS["rows"][:1]})}  # type: ignore[index]
    async with worker(redis_url, session, none), serving(redis_url, session) as front:
        equity = await front.raw().call("ibkr_get_chart", kind="equity")
        bare = await front.raw().call("ibkr_get_chart", symbol="SPY")

    assert equity["content"][0]["text"].startswith("DU1: net liquidation at 2 closes")
    assert bare["content"][0]["text"] == "[no_data] TWS has 1 bars of SPY in 6 M; two are needed."


@pytest.mark.parametrize(
    "bar", [[1.7e308, 1.7e308, -1.7e308, 1.7e308], [5.0, 1.0, 9.0, 5.0]], ids=["huge", "low above high"]
)
async def test_figures_that_no_chart_can_show_are_said_to_be_so(redis_url: str, session: str, bar: list[float]) -> None:
    rows = [[f"2025-06-1{day}", *bar, 1] for day in range(3)]
    odd = {"get_historical_data": answering(BARS | {"rows": rows})}
    async with worker(redis_url, session, odd), serving(redis_url, session) as front:
        told = await front.raw().call("ibkr_get_chart", symbol="SPY")

    assert told["content"][0]["text"].startswith("[no_data] These figures are too large, too small or too odd")
