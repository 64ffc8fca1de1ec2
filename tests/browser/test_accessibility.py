"""The console's pages by axe's rules, at a desk and on a phone, in light and dark; and by the keyboard alone."""

import os
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.async_api", reason="playwright is missing: make test-browser installs it")

from playwright.async_api import Browser, Page, expect  # after the line that skips

from tests.browser.chromium import browser, visit  # noqa: F401 - a fixture
from tests.browser.stack import live_stack
from tests.browser.steps import OPERATOR, PASSPHRASE

AXE = Path(os.environ.get("AXE", ".state/axe/node_modules/axe-core/axe.min.js"))
PAGES = (
    "/",
    "/orders",
    "/activity",
    "/limits",
    "/session",
    "/audit",
    "/orders/axe-order-1",
    "/kill-switch",
    "/none",
    "/contracts/265598",
    "/contracts/265598?span=year",
)
ORDER = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 3, "idempotencyKey": "axe-order-1"}
FINDINGS = "axe.run({resultTypes: ['violations']}).then(found => found.violations)"
REACHABLE = "a[href], button, select, input:not([type=hidden])"
# Marks the focused element, and returns how many elements that can be used are marked.
MARK = f"""(() => {{
    document.activeElement.dataset.reached = "1";
    const all = [...document.querySelectorAll("{REACHABLE}")].filter((each) => each.offsetParent !== null);
    return [all.filter((each) => each.dataset.reached).length, all.length];
}})()"""


@pytest.fixture
def axe() -> str:
    """Return axe's script."""
    if not AXE.is_file():
        pytest.skip(f"{AXE} is missing: make test-browser installs it, where npm is")
    return AXE.read_text(encoding="utf-8")


async def findings(page: Page, axe: str, path: str) -> list[str]:
    """Return what axe finds on the page as it stands. The debugger evaluates axe: the page's policy would not."""
    await page.evaluate(axe)
    found: list[dict[str, Any]] = await page.evaluate(FINDINGS)
    return [f"{path} {each['impact']}: {each['id']} at {each['nodes'][0]['target']}" for each in found]


async def test_axe_finds_nothing_and_the_keyboard_reaches_everything(
    browser: Browser,  # noqa: F811
    axe: str,
    tmp_path: Path,
) -> None:
    found = list[str]()
    async with live_stack(tmp_path) as stack:
        await stack.called("place_order", **ORDER)  # it waits for a person
        for phone in (False, True):
            for dark in (False, True):
                async with visit(browser, stack.console, phone=phone, dark=dark) as page:
                    found += await looked_at(page, axe, stack.console)
        async with visit(browser, stack.console) as desk:
            await desk.goto(stack.console)
            await sign_in_by_keyboard(desk)
            await everything_is_reached(desk)
            await focus_stays(desk)

    assert found == []


async def looked_at(page: Page, axe: str, console: str) -> list[str]:
    """Return what axe finds on the sign-in page, and on each page behind it."""
    await page.goto(console)
    found = await findings(page, axe, "sign-in")
    await sign_in_by_keyboard(page)
    for path in PAGES:
        await page.goto(f"{console}{path}")
        if path != "/none":
            await expect(page.locator("#live")).to_have_attribute("data-live", "on")
        found += await findings(page, axe, path)
    return found


async def sign_in_by_keyboard(page: Page) -> None:
    await page.get_by_label("Operator").focus()
    for text in (OPERATOR, PASSPHRASE):
        await page.keyboard.type(text)
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("navigation")).to_be_visible()


async def everything_is_reached(page: Page) -> None:
    """Press Tab until every link, button and field has had the focus."""
    reached, count = 0, 1
    for _ in range(200):
        await page.keyboard.press("Tab")
        reached, count = await page.evaluate(MARK)
        if reached == count:
            return
    raise AssertionError(f"Tab reaches {reached} of {count}")


async def focus_stays(page: Page) -> None:
    """The parts that change keep the element that has the focus."""
    link = page.locator("#waiting a").first
    await link.focus()
    clock = page.locator("#banner time")
    await expect(clock).not_to_have_text(await clock.inner_text())
    await expect(link).to_be_focused()
