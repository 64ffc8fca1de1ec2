"""The HTTP surface around the endpoint: its other paths, refusals with their remedy, the start page, capabilities."""

import html
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from cli.client_setup import ways_to_add
from mcp_front.admission.auth import TokenFile
from tests.mcp_front.admission.test_auth import token_of, write_tokens
from tests.stacks.front import ERAS, LEGACY, MODERN, READY, Running, messages_of, plain_http, serving, worker

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PATHS = ["/api/v1", "/api/v1/", "/mcp", "/mcp/", "/api/v1/mcp", "/api/v1/mcp/"]


@pytest.fixture
def tokens_file(tmp_path: Path) -> Path:
    return write_tokens(tmp_path / "tokens.json", ["reader"])


@pytest.mark.trial("D19", "E6")
@pytest.mark.parametrize("era", ERAS)
async def test_endpoint_is_served_under_every_path_that_clients_try_without_a_redirect(
    redis_url: str, session: str, era: str
) -> None:
    async with serving(redis_url, session) as front, plain_http() as http:
        request = front.raw(era).prepared("tools/list")
        answers = [await http.post(front.url + path, **request) for path in PATHS]
        health = await http.get(f"{front.url}/healthz/")

    assert [answer.status_code for answer in answers] == [200] * len(PATHS)
    assert all(messages_of(answer)[-1]["result"]["tools"] for answer in answers)
    assert health.json() == {"status": "ok"}


@pytest.mark.trial("D19")
async def test_token_is_wanted_under_every_path(redis_url: str, session: str, tokens_file: Path) -> None:
    async with serving(redis_url, session, front_tokens_file=tokens_file) as front, plain_http() as http:
        request = front.raw().prepared("tools/list")
        statuses = {(await http.post(front.url + path, **request)).status_code for path in PATHS}

    assert statuses == {401}


@pytest.mark.trial("D19")
async def test_other_paths_say_where_the_endpoint_is(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front, plain_http() as http:
        lost = [await http.post(front.url + path, content="{}") for path in ("/sse", "/api/v2", "/mcp/x", "//")]
        looked = await http.get(front.endpoint)
        streamed = await http.get(front.endpoint, headers={"accept": "text/event-stream"})
        unknown = await http.post(front.endpoint, **front.raw(MODERN).prepared("no/such"))

    assert [answer.status_code for answer in lost] == [404, 404, 404, 405]
    assert all("/" in answer.json()["error"]["message"] for answer in lost)
    assert "The MCP endpoint is /api/v1" in lost[0].json()["error"]["message"]
    assert (looked.status_code, streamed.status_code) == (405, 405)
    assert "by POST" in looked.json()["error"]["message"]
    assert "POST" in looked.headers["allow"]
    assert unknown.json()["error"]["code"] == -32601  # MCP's own 404 stays as it is


REFUSED: list[tuple[dict[str, str], int, str, str]] = [
    ({}, 401, "token_missing", "Send the header Authorization: Bearer TOKEN"),
    ({"authorization": "Basic dTpw"}, 401, "token_missing", ".venv/bin/python -m cli client add"),
    ({"authorization": "Bearer wrong"}, 401, "token_unknown", "does not know this token"),
    ({"authorization": "Bearer"}, 401, "token_missing", "Send the header"),
    ({"origin": "https://evil.example"}, 403, "origin_not_allowed", "set FRONT_ALLOWED_ORIGINS=https://evil.example."),
    ({"host": "front.example:80"}, 421, "host_not_allowed", "set FRONT_ALLOWED_HOSTS=front.example:80."),
]


@pytest.mark.trial("E11", "D22")
@pytest.mark.parametrize("era", ERAS)
async def test_refusal_names_its_remedy_and_leaves_a_line(
    redis_url: str, session: str, tokens_file: Path, era: str
) -> None:
    async with serving(redis_url, session, front_tokens_file=tokens_file) as front, plain_http() as http:
        for header, status, code, said in REFUSED:
            with structlog.testing.capture_logs() as lines:
                answer = await http.post(front.endpoint, **front.raw(era, **header).prepared("tools/list"))
            assert answer.status_code == status
            error = answer.json()["error"]
            assert (error["data"]["code"], said in error["message"]) == (code, True), error
            assert "OAuth" not in answer.text + str(answer.headers)
            assert [(line["event"], line["status"], line["code"]) for line in lines] == [("refused", status, code)]
            assert "wrong" not in json.dumps(lines)
            if status == 401:
                assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.trial("E11")
async def test_page_of_an_allowed_origin_may_read_why_it_is_refused(
    redis_url: str, session: str, tokens_file: Path
) -> None:
    origin = "http://localhost:6274"
    async with serving(redis_url, session, front_tokens_file=tokens_file) as front, plain_http() as http:
        answer = await http.post(front.endpoint, **front.raw(origin=origin).prepared("tools/list"))

    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, origin)
    assert "www-authenticate" in answer.headers["access-control-expose-headers"]


@pytest.mark.trial("E11")
async def test_request_without_a_host_is_told_what_to_send(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front, plain_http() as http:
        answer = await http.get(front.url, headers={"host": ""})

    told = answer.json()["error"]
    assert (answer.status_code, told["data"]["code"]) == (421, "host_missing")
    assert "FRONT_ALLOWED_HOSTS=" not in told["message"]


@pytest.mark.trial("E11")
async def test_flood_of_refusals_does_not_fill_the_log(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front, plain_http() as http:
        with structlog.testing.capture_logs() as lines:
            for _ in range(60):
                await http.get(front.url, headers={"host": "x" * 500})

    assert 20 <= len(lines) < 40
    assert len(lines[0]["host"]) <= 100


BROKEN = ["[", '{"name": "x"}', '[{"name": "x", "sha256": "abc", "scopes": []}]', "", None]  # None: it is gone


def write_or_remove(path: Path, written: str | None) -> None:
    if written is None:
        path.unlink()
    else:
        path.write_text(written)


@pytest.mark.trial("E18")
@pytest.mark.parametrize("written", BROKEN)
async def test_broken_tokens_file_is_not_ready_until_it_is_mended(
    redis_url: str, session: str, tokens_file: Path, written: str | None
) -> None:
    async with (
        worker(redis_url, session, {}, READY),
        serving(redis_url, session, front_tokens_file=tokens_file) as front,
        plain_http() as http,
    ):
        write_or_remove(tokens_file, written)
        broken = await http.get(f"{front.url}/readyz")
        refused = await http.post(
            front.endpoint, **front.raw(authorization=f"Bearer {token_of('reader')}").prepared("tools/list")
        )
        alive = await http.get(f"{front.url}/healthz")
        write_tokens(tokens_file, ["reader"])
        mended = await http.get(f"{front.url}/readyz")

    assert (broken.status_code, broken.json()["state"]) == (503, "tokens_unreadable")
    assert "FRONT_TOKENS_FILE" in broken.json()["cause"]
    assert str(tokens_file) not in broken.text
    assert refused.json()["error"]["data"]["code"] == "tokens_unreadable"
    assert alive.status_code == 200
    assert (mended.status_code, mended.json()["state"]) == (200, "ready")


@pytest.mark.trial("E18")
async def test_file_that_may_be_read_again_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tokens(tmp_path / "tokens.json", ["reader"])
    tokens = TokenFile(path)
    stat = path.stat()
    moved = path.rename(tmp_path / "elsewhere")
    assert tokens.fault() == "No such file or directory"
    moved.rename(path)  # the same time, size and inode

    assert (path.stat().st_mtime_ns, tokens.fault()) == (stat.st_mtime_ns, None)


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
    assert "wants a token" not in answer.text


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
    assert "wants a token" in answer.text
    assert "DU1234567" not in answer.text


@pytest.mark.trial("D25")
async def test_page_is_refused_under_an_unknown_host(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front, plain_http() as http:
        assert (await start_page(front, http, "/", host="evil.example")).status_code == 421


@pytest.mark.trial("D20")
async def test_capabilities_are_those_that_are_there(redis_url: str, session: str) -> None:
    client: dict[str, Any] = {
        "protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"},
    }  # fmt: skip
    async with serving(redis_url, session) as front:
        older = (await front.raw(LEGACY).request("initialize", **client))["result"]
        newer = (await front.raw(MODERN).request("server/discover"))["result"]

    assert older["capabilities"] == {"tools": {}, "logging": {}}
    assert newer["capabilities"] == {"tools": {}, "logging": {}}


@pytest.mark.trial("D20")
@pytest.mark.parametrize("era", ERAS)
async def test_lists_that_clients_ask_for_unseen_are_empty(redis_url: str, session: str, era: str) -> None:
    async with serving(redis_url, session) as front:
        for method, name in (("prompts/list", "prompts"), ("resources/list", "resources")):
            assert (await front.raw(era).request(method))["result"][name] == []
