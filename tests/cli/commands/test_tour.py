"""The tour's own care: it says which step failed, and it never buys with real money."""

import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from bridge.tools.session import SessionStatus
from cli.commands.tour import TourClient, TourFailed, buy, closed, refuse_real_money, take_tour
from cli.local_stack.embedded_redis import free_port
from cli.terminal import Screen
from ibgateway.simulator.model.config import SimulatorConfig
from tests.stacks.whole import whole_stack


@pytest.mark.parametrize(
    ("mode", "accounts"),
    [("live", ["DU1234567"]), ("paper", ["U1234567"]), ("read_only", ["DU1234567", "U1234567"]), ("live", [])],
)
def test_a_live_account_is_refused(mode: str, accounts: list[str]) -> None:
    status = SessionStatus(is_connected=True, state="ready", mode=mode, accounts=accounts)

    with pytest.raises(TourFailed, match="paper accounts alone"):
        refuse_real_money(status)


@pytest.mark.parametrize("accounts", [["DU1234567"], ["DF1234567", "DU7654321"]])
def test_paper_accounts_are_welcome(accounts: list[str]) -> None:
    status = SessionStatus(is_connected=True, state="ready", mode="paper", accounts=accounts)

    refuse_real_money(status)


async def test_a_front_that_is_not_there_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}/api/v1"

    with pytest.raises(TourFailed) as failure:
        await take_tour(url, Screen(Console(file=io.StringIO())))

    assert str(failure.value).startswith(f"connecting to {url}: ")


HOURS = "20251127:CLOSED;20251128:0930-20251128:1300;20251129:CLOSED;20251130:CLOSED;20251201:0930-20251201:1600"


@pytest.mark.trial("D11")
@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2025-11-28T17:59", ""),  # 12:59 in New York
        ("2025-11-28T18:00", "the market is closed until Monday 2025-12-01 09:30 in US/Eastern"),
        ("2025-11-30T12:00", "the market is closed until Monday 2025-12-01 09:30 in US/Eastern"),
        ("2025-12-02T03:00", "the market is closed"),
    ],
)
def test_a_closed_market_is_told_with_its_next_opening(at: str, said: str) -> None:
    assert closed(HOURS, "US/Eastern", datetime.fromisoformat(at).replace(tzinfo=UTC)) == said


def test_hours_that_are_not_known_close_nothing() -> None:
    assert closed(None, None, datetime(2025, 11, 30, tzinfo=UTC)) == ""


@pytest.mark.trial("D11")
async def test_a_tour_of_a_closed_market_says_so_and_skips_what_needs_an_open_one(redis_url: str, session: str) -> None:
    shown, saturday = io.StringIO(), datetime(2025, 6, 14, 12, tzinfo=ZoneInfo("US/Eastern")).timestamp()
    async with whole_stack(redis_url, session, config=SimulatorConfig(start=saturday)) as stack:
        await take_tour(stack.front.endpoint, Screen(Console(file=shown, width=200)))

    said = shown.getvalue()
    assert said.count("skipped: the market is closed until Monday 2025-06-16 09:30 in US/Eastern") == 3
    assert "the tour is complete: every step passed that needs no open market" in said


@pytest.mark.trial("D7")
async def test_the_tour_leaves_nothing_that_holds_an_order_of_aapl(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        visit = TourClient(stack.front.endpoint, None, Screen(Console(file=io.StringIO())))
        async with visit.client:
            await buy(visit)
            results = [
                await stack.front.raw().call("ibkr_place_order", symbol="AAPL", action=action, totalQuantity=1)
                for action in ("BUY", "SELL")
            ]

    assert visit.order is not None
    assert visit.order.status == "Filled"
    assert [each["structuredContent"]["status"] for each in results] == ["Filled", "Filled"]
