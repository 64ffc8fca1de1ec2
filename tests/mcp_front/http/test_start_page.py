"""The page that a browser gets: what this is, how to connect, and nothing from elsewhere."""

import html
import re
from pathlib import Path

import httpx
import pytest

from cli.client_setup import ways_to_add
from tests.stacks.front import READY, Running, plain_http, serving, worker
from tests.stacks.tokens import write_tokens

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def tokens_file(tmp_path: Path) -> Path:
    return write_tokens(tmp_path / "tokens.json", ["reader"])


async def start_page(front: Running, http: httpx.AsyncClient, path: str, **headers: str) -> httpx.Response:
    return await http.get(front.url + path, headers=HTML | headers)


@pytest.mark.trial("D25")
@pytest.mark.parametrize("path", ["/", "/api/v1", "/mcp"])
async def test_browser_gets_a_page_that_says_what_this_is_and_how_to_connect(
    redis_url: str, session: str, path: str
) -> None:
    async with worker(redis_url, session, {}), serving(redis_url, session) as front, plain_http() as http:
        answer = await start_page(front, http, path)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for way in ways_to_add(front.endpoint).values():
        assert html.escape(way) in answer.text
    assert "Session: <b>ready</b>" in answer.text
    assert "requires a token" not in answer.text


@pytest.mark.trial("D25")
async def test_page_requests_nothing_from_anywhere(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front, plain_http() as http:
        answer = await start_page(front, http, "/")

    assert "default-src 'none'" in answer.headers["content-security-policy"]
    links = re.findall(r'(?:src|href)="([^"]*)"|url\(([^)]*)\)|@import', answer.text)
    assert [link for link, _ in links] == ["data:,", "/readyz", "/healthz"]
    assert "<script" not in answer.text


@pytest.mark.trial("D25")
async def test_page_tells_the_cause_of_a_session_that_is_not_ready_and_nothing_secret(
    redis_url: str, session: str, tokens_file: Path
) -> None:
    status = READY.model_copy(
        update={"state": "login_pending", "cause": "<second> factor", "remedy": "Look & approve."}
    )
    async with (
        worker(redis_url, session, {}, status),
        serving(redis_url, session, front_tokens_file=tokens_file) as front,
        plain_http() as http,
    ):
        answer = await start_page(front, http, "/api/v1")

    assert "Session: <b>login_pending</b>" in answer.text
    assert "&lt;second&gt; factor" in answer.text
    assert "Look &amp; approve." in answer.text
    assert "requires a token" in answer.text
    assert "DU1234567" not in answer.text


@pytest.mark.trial("D25")
async def test_page_is_refused_under_an_unknown_host(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front, plain_http() as http:
        assert (await start_page(front, http, "/", host="evil.example")).status_code == 421
