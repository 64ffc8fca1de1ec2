"""An operator at the console, in a real browser, approves what a model asks for, stops trading, and goes on."""

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("playwright.async_api", reason="playwright is missing: make test-browser installs it")

from playwright.async_api import Browser, expect  # after the line that skips

from tests.browser.chromium import browser, picture, visit  # noqa: F401 - a fixture
from tests.browser.stack import live_stack
from tests.browser.steps import (
    OPERATOR,
    answered_on_the_phone,
    candles_are_read,
    fills,
    looks,
    stopped_and_released,
    waits,
)

KEY = "browser-order-1"


async def test_an_operator_approves_on_a_phone_and_stops_trading_at_a_desk(browser: Browser, tmp_path: Path) -> None:  # noqa: F811
    async with live_stack(tmp_path) as stack, visit(browser, stack.console) as desk:
        await looks(desk, stack)
        await waits(desk, stack, KEY, "console-waiting")
        link = await stack.pushed_link()
        assert link == f"{stack.console}/orders/{KEY}"
        await answered_on_the_phone(browser, stack, link, "console-phone-order")
        await fills(desk, stack, KEY)
        await candles_are_read(desk, stack, "console-candles")
        async with visit(browser, stack.console, phone=True, dark=True) as phone:
            await looks(phone, stack)
            await expect(phone.locator("[data-candles] canvas")).to_be_visible()
            await picture(phone, "console-phone-overview", whole=True)
        await stopped_and_released(desk, stack, "console-halted")


async def test_a_link_signs_in_by_its_button_once_and_shows_no_token(browser: Browser, tmp_path: Path) -> None:  # noqa: F811
    async with live_stack(tmp_path) as stack:
        link = await stack.sign_in_link()
        async with visit(browser, stack.console, phone=True, dark=True) as first:
            await first.goto(link)
            await expect(first.get_by_label("The part of the link after #")).to_be_hidden()
            await picture(first, "console-phone-link")
            await first.get_by_role("button", name="Sign in").click()
            await expect(first.get_by_text(OPERATOR, exact=True)).to_be_visible()
        async with visit(browser, stack.console) as second:
            await second.goto(link)
            await second.get_by_role("button", name="Sign in").click()
            await expect(second.get_by_text("This link was used already")).to_be_visible()
        logs = await asyncio.to_thread(lambda: "".join(each.read_text() for each in (tmp_path / "logs").iterdir()))

    assert link.partition("#")[2] not in logs
