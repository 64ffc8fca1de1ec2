"""A link to the console signs in by its button alone: opening it changes nothing, and it is good once."""

import pytest
import structlog

from bridge.bus.identity.links import make_link
from bridge.bus.keys import Keys
from console.pages.links import NOT_GOOD
from tests.stacks.bus import pipe_to
from tests.stacks.console import console


async def test_a_link_that_is_opened_by_a_program_is_not_used_up(redis_url: str, session: str) -> None:
    keys = Keys(session)
    with structlog.testing.capture_logs() as logs:
        async with console(redis_url, session) as visitor, pipe_to(redis_url) as pipe:
            link = await make_link(pipe, keys, "anna", visitor.base)
            token = link.partition("#")[2]
            for _ in range(3):
                opened = await visitor.http.get(link)
            stranger = await visitor.http.post("/link", data={"link_token": token}, headers={"origin": "https://x.org"})
            signed_in = await visitor.post("/link", link_token=token)
            visitor.http.cookies.clear()
            again = await visitor.post("/link", link_token=token)

    assert "This link signs you in once." in opened.text
    assert not opened.cookies
    assert stranger.status_code == 403
    assert "anna" in signed_in.text
    assert again.status_code == 403
    assert NOT_GOOD in again.text
    assert token not in repr(logs)
    assert [each["event"] for each in logs if each["event"] in ("signed_in", "link_refused")] == [
        "signed_in", "link_refused"
    ]  # fmt: skip


@pytest.mark.parametrize("token", ["", " ", "x" * 10_000, "\x00"])
async def test_what_is_no_link_signs_nobody_in(redis_url: str, session: str, token: str) -> None:
    async with console(redis_url, session) as visitor:
        answer = await visitor.post("/link", link_token=token)

    assert answer.status_code == 403
    assert not visitor.http.cookies
