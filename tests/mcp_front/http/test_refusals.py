"""A refusal names its remedy and leaves a line in the log, and a flood of them does not fill it."""

import json
from pathlib import Path

import pytest
import structlog

from tests.stacks.front import ERAS, MODERN, plain_http, serving
from tests.stacks.tokens import write_tokens


@pytest.fixture
def tokens_file(tmp_path: Path) -> Path:
    return write_tokens(tmp_path / "tokens.json", ["reader"])


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
