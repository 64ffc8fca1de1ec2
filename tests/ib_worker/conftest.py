"""A simulated gateway for each test, and what the worker's tests share beside it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ibgateway.simulator.server.server import Simulator


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
def no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is waived by name, which live mode wants."""
    for name in ("max_quantity", "max_order_value", "max_position_value", "max_short_option_value", "max_daily_loss",
                 "max_open_orders", "max_orders_per_minute", "max_orders_per_day", "price_collar", "duplicate_window_s",
                 "allowed_symbols", "allowed_sec_types", "allowed_currencies", "allowed_order_types"):  # fmt: skip
        monkeypatch.setenv(f"LIMIT_{name.upper()}", "off")
    monkeypatch.setenv("LIMIT_OUTSIDE_RTH", "refused")
