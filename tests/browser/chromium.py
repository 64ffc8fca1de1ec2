"""Headless Chromium of this machine, and pages that ask nothing of any other server and have no fault of a script."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
# The sandbox needs a user of its own, which CI machines lack; the rest keeps Chromium from looking for its makers.
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
DESKTOP, PHONE = {"width": 1100, "height": 760}, {"width": 390, "height": 780}
PICTURES = "PICTURES"  # a folder: screenshots are kept there


def chromium() -> str | None:
    """Return the path of a Chromium: CHROMIUM's, else the PATH's; None where there is none."""
    return os.environ.get("CHROMIUM") or next((found for name in NAMES if (found := shutil.which(name))), None)


@asynccontextmanager
async def started(program: str) -> AsyncIterator[Browser]:
    """Chromium, until the end of the block."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium; a test that needs it is skipped where this machine has none."""
    program = chromium()
    if program is None:
        pytest.skip("no Chromium is on the PATH, and CHROMIUM names none")
    async with started(program) as running:
        yield running


@asynccontextmanager
async def visit(browser: Browser, origin: str, *, phone: bool = False, dark: bool = False) -> AsyncIterator[Page]:
    """A page in a browser without cookies. At its end nothing may have gone to another server than `origin`."""
    faults: list[str] = []
    context = await browser.new_context(
        viewport=PHONE if phone else DESKTOP, is_mobile=phone, has_touch=phone,
        color_scheme="dark" if dark else "light",
    )  # fmt: skip
    page = await context.new_page()
    page.set_default_timeout(20_000)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    page.on("request", lambda sent: None if sent.url.startswith(origin) else faults.append(sent.url))
    try:
        yield page
    finally:
        await context.close()
    assert faults == []


async def picture(page: Page, name: str, *, whole: bool = False) -> None:
    """Keep a screenshot, where PICTURES names a folder: of what is in sight, or of the whole page."""
    if folder := os.environ.get(PICTURES):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=whole)
