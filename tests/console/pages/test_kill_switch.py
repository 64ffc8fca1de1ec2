"""The kill switch at the console: one click sets it; its release takes the session's name and what was read."""

from bridge.bus.controls.kill_switch import read_halt, set_halt
from bridge.bus.keys import Keys
from tests.stacks.bus import pipe_to
from tests.stacks.console import console


async def test_a_click_halts_with_who_and_why(redis_url: str, session: str) -> None:
    async with console(redis_url, session) as visitor, pipe_to(redis_url) as pipe:
        await visitor.sign_in()
        done = await visitor.post("/halt", form_of="/kill-switch", reason="odd fills")
        halt = await read_halt(pipe, Keys(session))

    assert halt is not None
    assert (halt.level, halt.by, halt.reason) == ("halt", "operator anna", "odd fills")
    assert "Trading is halted" in done.text
    assert "odd fills" in done.text


async def test_a_release_takes_the_sessions_name(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with console(redis_url, session) as visitor, pipe_to(redis_url) as pipe:
        await visitor.sign_in()
        await set_halt(pipe, keys, "halt", "claude", "odd fills")
        wrong = await visitor.post("/resume", form_of="/kill-switch", session="yes")
        still = await read_halt(pipe, keys)
        right = await visitor.post("/resume", form_of="/kill-switch", session=session)
        after = await read_halt(pipe, keys)

    assert wrong.status_code == 400
    assert f"Type {session}" in wrong.text
    assert still is not None
    assert (right.status_code, after) == (200, None)


async def test_a_halt_that_came_after_the_page_stays(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with console(redis_url, session) as visitor, pipe_to(redis_url) as pipe:
        await visitor.sign_in()
        await set_halt(pipe, keys, "halt", "claude", "odd fills")
        read = await visitor.hidden("/kill-switch", "/resume")
        answer = await visitor.post("/resume", **(read | {"since": "1"}), session=session)

        assert answer.status_code == 409
        assert await read_halt(pipe, keys) is not None
