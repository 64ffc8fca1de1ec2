"""An operator at the console, in a real browser, approves what a model asks for, stops trading, and goes on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.async_api", reason="playwright is missing: make test-browser installs it")

from playwright.async_api import Browser, Page, expect  # after the line that skips

from cli.commands.up import SESSION
from tests.browser.chromium import chromium, picture, started, visit
from tests.browser.stack import OPERATOR, PASSPHRASE, LiveStack, live_stack

LIVE_MS = 20_000
ORDER = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 3}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("no Chromium is on the PATH, and CHROMIUM names none")
    async with started(program) as running:
        yield running


async def sign_in(page: Page) -> None:
    await page.get_by_label("Operator").fill(OPERATOR)
    await page.get_by_label("Passphrase").fill(PASSPHRASE)
    await page.get_by_role("button", name="Sign in").click()


async def test_an_operator_approves_on_a_phone_and_stops_trading_at_a_desk(browser: Browser, tmp_path: Path) -> None:
    async with live_stack(tmp_path) as stack, visit(browser, stack.console) as desk:
        await desk.goto(stack.console)
        await sign_in(desk)
        await expect(desk.get_by_text("Simulated: no real money")).to_be_visible()

        for part in ("accounts", "positions"):  # by the market's ticks, while nothing loads the page anew
            await moves(desk, part)
        await approved_on_the_phone(browser, desk, stack)
        await stopped_and_released(desk, stack)


async def moves(page: Page, part: str) -> None:
    """Wait until a part of the page tells other figures than now."""
    found = page.locator(f"#{part}")
    await expect(found).not_to_have_text(await found.inner_text(), use_inner_text=True, timeout=LIVE_MS)


async def approved_on_the_phone(browser: Browser, desk: Page, stack: LiveStack) -> None:
    """An order of an MCP client waits, is pushed, and fills under the same key once a person has approved it."""
    key = "browser-order-1"
    done, text = await stack.called("place_order", **ORDER, idempotencyKey=key)
    assert not done
    assert "[approval_required]" in text
    await expect(desk.locator("#waiting").get_by_role("link", name="BUY 3 AAPL")).to_be_visible()
    await picture(desk, "console-waiting")

    link = await stack.pushed_link()
    assert link == f"{stack.console}/orders/{key}"
    await answered_on_the_phone(browser, stack, link)

    done, text = await stack.called("place_order", **ORDER, idempotencyKey=key)
    assert done, text
    assert '"status":"Filled"' in text
    await expect(desk.locator("#waiting").get_by_role("link", name="BUY 3 AAPL")).to_have_count(0)
    await expect(desk.locator("#trades").get_by_text("AAPL").first).to_be_visible()


async def answered_on_the_phone(browser: Browser, stack: LiveStack, link: str) -> None:
    """Open a push's link at a phone's width, sign in, and approve the order."""
    async with visit(browser, stack.console, phone=True) as phone:
        await phone.goto(link)
        await expect(phone.get_by_text("BUY")).to_have_count(0)  # the link shows nothing to who has not signed in
        await sign_in(phone)
        await expect(phone.get_by_role("heading", name="Approve this order?")).to_be_visible()
        await picture(phone, "console-phone-order")
        await phone.get_by_role("button", name="Approve").click()
        await expect(phone.get_by_role("heading", name="Approve this order?")).to_have_count(0)


async def stopped_and_released(desk: Page, stack: LiveStack) -> None:
    """The kill switch refuses the next order, and its release lets it go on to the person."""
    await desk.goto(f"{stack.console}/kill-switch")
    await desk.get_by_label("Why?").fill("odd orders")
    await desk.get_by_role("button", name="Stop trading").click()
    await expect(desk.get_by_text("Trading is halted")).to_be_visible()
    await picture(desk, "console-halted")
    done, text = await stack.called("place_order", **ORDER, idempotencyKey="browser-order-2")
    assert not done
    assert "[halted]" in text

    await desk.goto(f"{stack.console}/kill-switch")
    await desk.get_by_label(f"Type {SESSION} to release it").fill(SESSION)
    await desk.get_by_role("button", name="Release").click()
    await expect(desk.get_by_text("Trading is halted")).to_have_count(0)
    done, text = await stack.called("place_order", **ORDER, idempotencyKey="browser-order-3")
    assert "[approval_required]" in text


async def test_a_link_signs_in_by_its_button_once_and_shows_no_token(browser: Browser, tmp_path: Path) -> None:
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
