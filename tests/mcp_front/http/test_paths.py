"""The HTTP surface around the endpoint: its other paths, refusals with their remedy, the start page, capabilities."""

from pathlib import Path

import pytest

from tests.stacks.front import ERAS, messages_of, plain_http, serving
from tests.stacks.tokens import write_tokens

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
