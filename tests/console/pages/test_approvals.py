"""Orders that wait: shown as the worker wrote them, approved or refused by who is signed in, and never by a link."""

import pytest

from bridge.bus.controls.approvals import Approval, approval_state, ask_approval
from bridge.bus.keys import Keys
from bridge.tool import ToolError
from tests.stacks.bus import KEY, pipe_to
from tests.stacks.console import Visitor, console

WANTED = Approval(KEY, "digest-1", "claude", 'LIVE: BUY 1 AAPL <script>alert("x")</script> at 190.5')
PAGE = f"/orders/{KEY}"


async def test_what_waits_is_shown_and_approved_by_its_name(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with console(redis_url, session) as visitor, pipe_to(redis_url) as pipe:
        await ask_approval(pipe, keys, WANTED)
        await visitor.sign_in()
        home, page = await visitor.get(), await visitor.get(PAGE)
        done = await visitor.post("/approve", form_of=PAGE)
        by = await ask_approval(pipe, keys, WANTED)

    assert PAGE in home.text
    assert "1 waiting" in home.text
    assert "BUY 1 AAPL &lt;script&gt;" in page.text
    assert "<script>" not in page.text + home.text
    assert (done.status_code, by) == (200, "operator anna")
    assert "No order waits for approval" in done.text


async def test_a_refusal_reaches_the_client_with_its_reason(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with console(redis_url, session) as visitor, pipe_to(redis_url) as pipe:
        await ask_approval(pipe, keys, WANTED)
        await visitor.sign_in()
        await visitor.post("/refuse", form_of=PAGE, reason="too large\u202e today")
        with pytest.raises(ToolError) as refused:
            await ask_approval(pipe, keys, WANTED)

    assert refused.value.code == "approval_refused"
    assert refused.value.details["by"] == "operator anna"
    assert refused.value.details["reason"] == "too large today"


async def test_a_link_that_a_chat_program_opens_tells_and_changes_nothing(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with console(redis_url, session) as visitor, pipe_to(redis_url) as pipe:
        await ask_approval(pipe, keys, WANTED)
        page = await visitor.get(PAGE)
        links = [
            (await visitor.get(each)).status_code for each in ("/approve", "/refuse", "/halt", "/resume", "/sign-out")
        ]
        state = (await approval_state(pipe, keys, KEY)).state

    assert "AAPL" not in page.text
    assert "Passphrase" in page.text
    assert links == [405] * 5
    assert state == "asked"


async def test_an_order_that_changed_since_it_was_read_is_not_approved(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with console(redis_url, session) as visitor, pipe_to(redis_url) as pipe:
        await ask_approval(pipe, keys, WANTED)
        await visitor.sign_in()
        read = await visitor.hidden(PAGE, "/approve")
        await ask_approval(pipe, keys, Approval(KEY, "digest-2", "claude", "LIVE: BUY 100 AAPL"))
        answer = await visitor.post("/approve", **read)
        state = (await approval_state(pipe, keys, KEY)).state

    assert answer.status_code == 409
    assert "Read it again" in answer.text
    assert state == "asked"


async def test_an_order_that_waits_no_more_is_said_to_be_gone(redis_url: str, session: str) -> None:
    async with console(redis_url, session) as visitor:
        await visitor.sign_in()
        answer = await visitor.get(PAGE)

    assert answer.status_code == 404
    assert "It may have expired" in answer.text


@pytest.mark.parametrize("forged", ["", "0" * 64, "another sign-in"])
async def test_a_form_of_another_sign_in_approves_nothing(redis_url: str, session: str, forged: str) -> None:
    keys = Keys(session)
    async with console(redis_url, session) as visitor, pipe_to(redis_url) as pipe:
        await ask_approval(pipe, keys, WANTED)
        await visitor.sign_in()
        read = await visitor.hidden(PAGE, "/approve")
        if forged == "another sign-in":
            other = Visitor(visitor.base)
            await other.sign_in()
            forged = (await other.hidden(PAGE, "/approve"))["form_token"]
            await other.http.aclose()
        answer = await visitor.post("/approve", **(read | {"form_token": forged}))
        state = (await approval_state(pipe, keys, KEY)).state

    assert (answer.status_code, state) == (403, "asked")


async def test_a_session_without_operators_says_how_to_make_one(redis_url: str, session: str) -> None:
    async with console(redis_url, session, operator=False) as visitor:
        page, answer = await visitor.get(), await visitor.sign_in()

    assert "cli operator add NAME" in page.text
    assert answer.status_code == 403
