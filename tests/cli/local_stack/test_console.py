"""The console of a stack on this machine: its operator and link, and the page that a browser opens."""

import os
import stat
from pathlib import Path

import pytest

from bridge.bus.identity.links import use_link
from bridge.bus.keys import Keys
from cli.errors import Problem
from cli.local_stack import console
from cli.local_stack.console import OPERATOR, one_time_link, open_in_browser, opening_page, until_serving
from tests.stacks.bus import pipe_to
from tests.waiting import until

CONSOLE = "http://127.0.0.1:8010"


async def test_a_link_signs_the_demos_operator_in(redis_url: str, session: str) -> None:
    links = [await one_time_link(redis_url, session, CONSOLE) for _ in range(2)]
    async with pipe_to(redis_url) as pipe:
        used = [await use_link(pipe, Keys(session), each.partition("#")[2], 60_000) for each in links]

    assert all(each.startswith(f"{CONSOLE}/link#") for each in links)
    assert [who for _, who in used] == [OPERATOR, OPERATOR]


async def test_a_browser_opens_a_page_that_only_this_user_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.new && mv {opened}.new {opened}\n')
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", str(browser))

    with opening_page(tmp_path) as page:
        await open_in_browser(f"{CONSOLE}/link#secret", page)
        await until(opened.exists, "the browser is started")
        mode, text = stat.S_IMODE(os.stat(page).st_mode), page.read_text()

    assert mode == 0o600
    assert f"url={CONSOLE}/link#secret" in text
    assert opened.read_text().strip() == page.as_uri()
    assert not page.exists()


async def test_a_console_that_does_not_answer_is_named(unused_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "READY_WITHIN_S", 0.2)
    with pytest.raises(Problem, match="the console does not answer at"):
        await until_serving(f"http://127.0.0.1:{unused_port}")
