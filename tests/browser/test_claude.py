"""An order by `claude -p` in live mode: pushed to a phone, approved there, and filled under the same key."""

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("playwright.async_api", reason="playwright is missing: make test-browser installs it")

from playwright.async_api import Browser  # after the line that skips

from tests.browser.chromium import browser  # noqa: F401 - a fixture
from tests.browser.stack import LiveStack, live_stack
from tests.browser.steps import answered_on_the_phone
from tests.hosts import claude_code
from tests.hosts.approval import faults, steps
from tests.hosts.installation import Unavailable, install

KEY = "claude-on-the-phone"


@pytest.mark.timeout(400)
async def test_an_order_of_claude_is_approved_on_a_phone_and_fills_under_its_key(
    browser: Browser,  # noqa: F811
    tmp_path: Path,
) -> None:
    try:
        await asyncio.to_thread(install)
    except Unavailable as error:
        pytest.skip(str(error))
    async with live_stack(tmp_path) as stack:
        approving = asyncio.create_task(approved(browser, stack))
        model = claude_code.model(steps(KEY))
        printed = await claude_code.printed(stack.url, model)
        await approving

    assert list(faults(model.results())) == [], printed


async def approved(browser: Browser, stack: LiveStack) -> None:  # noqa: F811
    await answered_on_the_phone(browser, stack, await stack.pushed_link(within_s=200))
