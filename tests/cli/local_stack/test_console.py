"""The console of a stack on this machine: its operator and link, and the page that a browser opens."""

import asyncio
import os
import stat
from pathlib import Path

import pytest

from bridge.bus.identity.links import use_link
from bridge.bus.keys import Keys
from cli.errors import Problem
from cli.local_stack.console import (
    OPERATOR,
    first_visit,
    listening,
    one_time_link,
    open_in_browser,
    opening_page,
)
from tests.busy import BUSY_S
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


async def test_the_first_visit_is_noticed_and_waits_for_the_console(unused_port: int) -> None:
    with listening(unused_port, "--console-port") as port:
        waiting = asyncio.create_task(first_visit(port))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        _, writer = await asyncio.open_connection("127.0.0.1", unused_port)
        writer.write(b"GET / HTTP/1.1\r\n")
        async with asyncio.timeout(5 + BUSY_S):
            await waiting
        taken, _ = port.accept()
        with taken:
            assert taken.recv(3) == b"GET"
        writer.close()

        with pytest.raises(Problem, match=f"port {unused_port} is taken .*--console-port"):
            listening(unused_port, "--console-port")
