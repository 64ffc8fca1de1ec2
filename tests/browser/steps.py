"""An operator's steps in the browser, on whatever stack serves the console: the demo's processes, or containers."""

from typing import Any, Protocol

from fastmcp import Client
from playwright.async_api import Browser, Page, expect

from tests.browser.chromium import picture, visit

OPERATOR, PASSPHRASE = "anna", "correct horse battery"
LIVE_MS = 20_000
AAPL = 265598  # its conId
ORDER = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 3}


class ServedStack(Protocol):
    """A stack with a console, in live mode on the simulator, where live orders wait for an operator."""

    @property
    def console(self) -> str:
        """The console's address."""
        ...

    @property
    def session(self) -> str: ...

    async def called(self, tool: str, **arguments: Any) -> tuple[bool, str]:
        """Return whether a call of an MCP client succeeds, and its answer's text."""
        ...


async def called(url: str, tool: str, **arguments: Any) -> tuple[bool, str]:
    """Return whether a call at a front succeeds, and its answer's text."""
    async with Client(url) as client:
        answer = await client.call_tool(f"ibkr_{tool}", arguments, raise_on_error=False)
    return not answer.is_error, "\n".join(getattr(each, "text", "") for each in answer.content)


async def sign_in(page: Page) -> None:
    await page.get_by_label("Operator").fill(OPERATOR)
    await page.get_by_label("Passphrase").fill(PASSPHRASE)
    await page.get_by_role("button", name="Sign in").click()


async def looks(desk: Page, stack: ServedStack) -> None:
    """Sign in, and see the mode and figures that the market's ticks move, while nothing loads the page anew."""
    await desk.goto(stack.console)
    await sign_in(desk)
    await expect(desk.get_by_text("Simulated: no real money")).to_be_visible()
    for part in ("accounts", "positions"):
        await moves(desk, part)


async def moves(page: Page, part: str) -> None:
    """Wait until a part of the page tells other figures than now."""
    found = page.locator(f"#{part}")
    await expect(found).not_to_have_text(await found.inner_text(), use_inner_text=True, timeout=LIVE_MS)


async def candles_are_read(page: Page, stack: ServedStack, kept_as: str) -> None:
    """A contract's page draws its candles, and has them in a sentence and a table; the arrow keys go along them."""
    await page.goto(f"{stack.console}/contracts/{AAPL}")
    chart = page.get_by_role("img", name="AAPL, 5 mins")
    await expect(chart.locator("canvas")).to_be_visible(timeout=LIVE_MS)
    await expect(page.locator("#candle-table tbody tr").first).to_be_visible()
    await chart.focus()
    cursor = page.locator(".cursor")
    await page.keyboard.press("ArrowLeft")
    await expect(cursor).to_contain_text("close")
    last = await cursor.inner_text()
    await page.keyboard.press("ArrowLeft")
    await expect(cursor).not_to_have_text(last)
    await picture(page, kept_as)
    await page.get_by_role("link", name="Year, daily").click()
    await expect(page.get_by_role("img", name="AAPL, 1 day").locator("canvas")).to_be_visible(timeout=LIVE_MS)


async def waits(desk: Page, stack: ServedStack, key: str, kept_as: str) -> None:
    """An order of an MCP client waits for a person, and the page says so."""
    done, text = await stack.called("place_order", **ORDER, idempotencyKey=key)
    assert not done
    assert "[approval_required]" in text
    await expect(desk.locator("#waiting").get_by_role("link", name="BUY 3 AAPL")).to_be_visible()
    await picture(desk, kept_as)


async def answered_on_the_phone(browser: Browser, stack: ServedStack, link: str, kept_as: str = "") -> None:
    """Open a push's link at a phone's width, sign in, and approve the order."""
    async with visit(browser, stack.console, phone=True) as phone:
        await phone.goto(link)
        await expect(phone.get_by_text("BUY")).to_have_count(0)  # the link shows nothing to who has not signed in
        await sign_in(phone)
        await expect(phone.get_by_role("heading", name="Approve this order?")).to_be_visible()
        if kept_as:
            await picture(phone, kept_as)
        await phone.get_by_role("button", name="Approve").click()
        await expect(phone.get_by_role("heading", name="Approve this order?")).to_have_count(0)


async def fills(desk: Page, stack: ServedStack, key: str) -> None:
    """The same key brings the fill, and the page has its execution."""
    done, text = await stack.called("place_order", **ORDER, idempotencyKey=key)
    assert done, text
    assert '"status":"Filled"' in text
    await expect(desk.locator("#waiting").get_by_role("link", name="BUY 3 AAPL")).to_have_count(0)
    await expect(desk.locator("#trades").get_by_text("AAPL").first).to_be_visible()


async def stopped_and_released(desk: Page, stack: ServedStack, kept_as: str) -> None:
    """The kill switch refuses the next order, and its release lets it go on to the person."""
    await desk.goto(f"{stack.console}/kill-switch")
    await desk.get_by_label("Why?").fill("odd orders")
    await desk.get_by_role("button", name="Stop trading").click()
    await expect(desk.get_by_text("Trading is halted")).to_be_visible()
    await expect(desk.locator("#live")).to_have_attribute("data-live", "on")
    await expect(desk.locator("[data-candles] canvas")).to_be_visible(timeout=LIVE_MS)
    await picture(desk, kept_as)
    done, text = await stack.called("place_order", **ORDER, idempotencyKey="browser-order-2")
    assert not done
    assert "[halted]" in text

    await desk.goto(f"{stack.console}/kill-switch")
    await desk.get_by_label(f"Type {stack.session} to release it").fill(stack.session)
    await desk.get_by_role("button", name="Release").click()
    await expect(desk.get_by_text("Trading is halted")).to_have_count(0)
    done, text = await stack.called("place_order", **ORDER, idempotencyKey="browser-order-3")
    assert "[approval_required]" in text
