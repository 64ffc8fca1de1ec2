"""The reference's end-to-end flow, as written, in both protocol eras."""

from typing import Any

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.front import ERAS
from tests.stacks.whole import whole_stack


@pytest.mark.parametrize("era", ERAS)
async def test_flow_of_the_reference(redis_url: str, session: str, era: str) -> None:
    async with whole_stack(redis_url, session) as stack, stack.front.client(era) as client:

        async def call(tool: str, **arguments: Any) -> Any:
            return (await client.call_tool(tool, arguments)).structured_content

        connected = await call("ibkr_connect", host="127.0.0.1", port=stack.sim.port, clientId=1)
        assert (connected["status"], connected["accounts"]) == ("connected", ["DU1234567"])

        bars = (await call("ibkr_get_historical_data", symbol="VTI"))["result"]
        assert len(bars) > 240
        assert [bar["date"] for bar in bars] == sorted(bar["date"] for bar in bars)

        summary = (await call("ibkr_get_account_summary"))["result"]
        assert {"NetLiquidation", "TotalCashValue", "BuyingPower"} <= {value["tag"] for value in summary}

        before = await position_of_apple(call)

        stream = await call("ibkr_stream_market_data", symbol="SPY", duration_seconds=3)
        assert stream["symbol"] == "SPY"
        assert stream["updates_count"] > 0
        assert stream["message"].startswith("SPY: ")

        order = await call("ibkr_place_order", symbol="AAPL", action="BUY", totalQuantity=1)
        assert order["status"] in {"PreSubmitted", "Submitted", "Filled"}

        fills = await filled(call, order["orderId"])
        assert [(fill["side"], fill["shares"], fill["contract"]["symbol"]) for fill in fills] == [("BOT", 1.0, "AAPL")]
        assert fills[0]["commission"] > 0
        assert await position_of_apple(call) == before + 1

        open_orders = (await call("ibkr_get_open_orders"))["result"]
        assert order["orderId"] not in {each["orderId"] for each in open_orders}
        assert frames_of(stack.sim) == 1


async def position_of_apple(call: Any) -> float:
    positions = (await call("ibkr_get_positions"))["result"]
    return float(sum(each["position"] for each in positions if each["contract"]["symbol"] == "AAPL"))


async def filled(call: Any, orderId: int) -> list[dict[str, Any]]:
    """The order's executions once they and their commission are there."""
    for _ in range(100):
        fills = [each for each in (await call("ibkr_get_executions"))["result"] if each["orderId"] == orderId]
        if fills and all(each["commission"] is not None for each in fills):
            return fills
    raise AssertionError("the order has no execution with a commission")


def frames_of(sim: Simulator) -> int:
    return len(sim.journal.orders())


@pytest.mark.parametrize("era", ERAS)
async def test_account_is_streamed_with_its_figures_and_portfolio(redis_url: str, session: str, era: str) -> None:
    heard: list[Any] = []

    async def on_log(message: Any) -> None:
        heard.append(message.data["extra"])

    async with (
        whole_stack(redis_url, session) as stack,
        stack.front.client(era, log_handler=on_log) as client,
    ):
        result = await client.call_tool("ibkr_stream_account_updates", {"duration_seconds": 1})

    whole = result.structured_content or {}
    assert whole["account"] == "DU1234567"
    assert whole["updates_count"] == len(heard) > 5
    assert {"NetLiquidation", "BuyingPower"} <= {figure["tag"] for figure in whole["values"]}
