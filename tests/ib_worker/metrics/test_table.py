"""The worker's metrics, from a worker that trades at the simulator."""

from cli.local_stack.embedded_redis import free_port
from ibgateway.simulator.server.server import Simulator
from tests.mcp_front.test_metrics import samples
from tests.stacks.worker import order, trading


async def test_a_worker_that_trades_tells_its_session_its_orders_and_its_budgets(redis_url: str, session: str) -> None:
    port = free_port()
    async with Simulator() as sim, trading(redis_url, session, sim, metrics_port=port) as front:
        await front.submit("place_order", **order(orderType="LMT", lmtPrice=1.0))
        await front.ask("get_quotes", contracts=[{"symbol": "AAPL"}])
        found = await samples(f"http://127.0.0.1:{port}/metrics")

    assert found[("ibkr_worker_leader",)] == found["ibkr_worker_session_state", "ready"] == 1
    assert found["ibkr_worker_session_state", "failed"] == 0
    assert found[("ibkr_worker_tws_connects_total",)] == 1
    assert found["ibkr_worker_tws_messages_total", "orders"] >= 1
    assert found[("ibkr_worker_market_data_lines_used",)] >= 1
    assert found[("ibkr_worker_market_data_lines_limit",)] == 100
    assert found["ibkr_worker_orders", "Submitted"] == 1
    assert found["ibkr_worker_limit_used_ratio", "max_open_orders"] == 0.01
    assert found["ibkr_worker_limit_used_ratio", "max_orders_per_day"] == 1 / 500
    assert found["ibkr_worker_kill_switch", "halt"] == found[("ibkr_worker_approvals_waiting",)] == 0
    assert found["ibkr_worker_requests_total", "place_order", "ok"] == 1
    assert found[("ibkr_worker_ticks_received_total",)] > 0
    assert found[("ibkr_worker_events_total",)] > 0
    assert found[("ibkr_worker_redis_up",)] == 1
