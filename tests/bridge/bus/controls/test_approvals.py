"""A human's word for a live order, on a real server: asked, given or refused, used once, and too old in the end."""

from collections.abc import Awaitable, Callable

import pytest

from bridge.bus.controls.approvals import (
    Approval,
    answer_form,
    approval_state,
    ask_approval,
    give_approval,
    refuse_approval,
    waiting_approvals,
)
from bridge.bus.controls.kill_switch import clear_halt, set_halt
from bridge.bus.events.event import Cursor
from bridge.bus.events.event_log import read_events
from bridge.bus.keys import Keys
from bridge.bus.timing import USUAL
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError
from tests.stacks.bus import KEY, pipe_to
from tests.stacks.timing import patient

WANTED = Approval(KEY, "digest-1", "claude", "BUY 1 AAPL")
READ = patient(read_form_s=0)  # a person's answer, however soon it comes


async def by_form(
    pipe: CommandPipeline, session: str, challenge: str, caller: str = "claude", approve: bool = True
) -> str:
    return await answer_form(pipe, Keys(session), KEY, challenge, caller, approve)


async def test_a_forms_answer_is_taken_once_and_only_from_its_own_caller(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        assert await ask_approval(pipe, keys, WANTED, "challenge-1") == ""
        stolen = await by_form(pipe, session, "challenge-1", caller="somebody else")
        guessed = await by_form(pipe, session, "challenge-2")
        none = await by_form(pipe, session, "")
        given = await by_form(pipe, session, "challenge-1")
        again = await by_form(pipe, session, "challenge-1")
        found = await ask_approval(pipe, keys, WANTED, "challenge-3")
        waiting = await waiting_approvals(pipe, keys)

    assert (stolen, guessed, none, given, again) == ("other_caller", "unknown", "unknown", "approved", "replayed")
    assert found == "claude, by a form in the client"
    assert waiting == []


async def test_an_approval_covers_a_smaller_quantity_of_the_same_closing_order_alone(
    redis_url: str, session: str
) -> None:
    keys = Keys(session)

    def close(quantity: str, of: str = "close-of-ibm") -> Approval:
        return Approval(KEY, f"{of}-{quantity}", "claude", f"SELL {quantity}", part_digest=of, quantity=quantity)

    async with pipe_to(redis_url) as pipe:
        await ask_approval(pipe, keys, close("100.0"))
        smaller = await ask_approval(pipe, keys, close("40.0"))
        read_before = await give_approval(pipe, keys, KEY, close("100.0").digest, "anna")
        await ask_approval(pipe, keys, close("100.0"))
        given = await give_approval(pipe, keys, KEY, close("100.0").digest, "anna")
        found = [await ask_approval(pipe, keys, close(each)) for each in ("100.0", "40.0", "0.5")]
        larger = await ask_approval(pipe, keys, close("100.5"))
        await give_approval(pipe, keys, KEY, close("100.5").digest, "anna")
        other = await ask_approval(pipe, keys, close("40.0", of="close-of-nvda"))
        await give_approval(pipe, keys, KEY, close("40.0", of="close-of-nvda").digest, "anna")
        plain = await ask_approval(pipe, keys, WANTED)
        await give_approval(pipe, keys, KEY, WANTED.digest, "anna")
        of_plain = await ask_approval(pipe, keys, close("1.0"))

    assert (smaller, read_before, given) == ("", False, True)
    assert found == ["anna"] * 3
    assert (larger, other, plain, of_plain) == ("",) * 4


async def test_an_approval_is_for_one_order_only(redis_url: str, session: str) -> None:
    keys, other = Keys(session), Approval(KEY, "digest-2", "claude", "BUY 100 AAPL")
    async with pipe_to(redis_url) as pipe:
        await ask_approval(pipe, keys, WANTED, "challenge-1")
        await by_form(pipe, session, "challenge-1")
        asked_anew = await ask_approval(pipe, keys, other, "challenge-2")
        read_before = await give_approval(pipe, keys, KEY, WANTED.digest, "anna")
        (waiting,) = await waiting_approvals(pipe, keys)

    assert (asked_anew, read_before) == ("", False)
    assert (waiting.digest, waiting.summary) == (other.digest, other.summary)


async def test_what_a_form_approved_and_nobody_sent_is_asked_again(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url, patient(approved_form_s=-0.001)) as pipe:
        await ask_approval(pipe, keys, WANTED, "challenge-1")
        given = await by_form(pipe, session, "challenge-1")
        found = await ask_approval(pipe, keys, WANTED, "challenge-2")

    assert (given, found) == ("approved", "")


async def test_a_refusal_ends_the_question_and_a_new_one_may_be_asked(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url, READ) as pipe:
        await ask_approval(pipe, keys, WANTED, "challenge-1")
        refused = await by_form(pipe, session, "challenge-1", approve=False)
        by_the_operator = await give_approval(pipe, keys, KEY, WANTED.digest, "anna")
        asked_anew = await ask_approval(pipe, keys, WANTED, "challenge-2")
        late = await by_form(pipe, session, "challenge-1")
        given = await by_form(pipe, session, "challenge-2")

    assert (refused, by_the_operator, asked_anew, late, given) == ("refused", False, "", "replayed", "approved")


async def test_without_a_challenge_only_the_operator_approves(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await ask_approval(pipe, keys, WANTED)
        by_nobody = await by_form(pipe, session, "")
        given = await give_approval(pipe, keys, KEY, WANTED.digest, "anna")
        late = await by_form(pipe, session, "")
        found = await ask_approval(pipe, keys, WANTED)

    assert (by_nobody, given, late, found) == ("unknown", True, "unknown", "anna")


async def test_a_question_asked_again_may_be_answered_as_long_as_a_new_one(redis_url: str, session: str) -> None:
    keys = Keys(session)
    name = keys.approval(KEY)
    async with pipe_to(redis_url) as pipe:
        await ask_approval(pipe, keys, WANTED, "challenge-1")
        await pipe.send("PEXPIRE", name, 1000)  # nearly a quarter of an hour later
        await pipe.send("HSET", name, "until", pipe.clock.now_ms())
        await ask_approval(pipe, keys, WANTED, "challenge-2")
        left_ms = await pipe.send("PTTL", name)
        given = await give_approval(pipe, keys, KEY, WANTED.digest, "anna")
        found = await ask_approval(pipe, keys, WANTED, "challenge-3")

    assert left_ms > 1000 * (USUAL.form_s + USUAL.approved_form_s)
    assert (given, found) == (True, "anna")


Stop = Callable[[CommandPipeline, Keys], Awaitable[object]]


async def halted_and_released(pipe: CommandPipeline, keys: Keys) -> None:
    await set_halt(pipe, keys, "halt", "anna", "odd fills")
    await clear_halt(pipe, keys, "anna")


async def reduced(pipe: CommandPipeline, keys: Keys) -> None:
    """Closing orders still pass then, and want an approval of their own."""
    await set_halt(pipe, keys, "reduce_only", "anna", "odd fills")


async def halted_again(pipe: CommandPipeline, keys: Keys) -> None:
    await halted_and_released(pipe, keys)
    await halted_and_released(pipe, keys)


STOPS: list[Stop] = [halted_and_released, reduced, halted_again]


@pytest.mark.trial("A29")
@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("by_operator", [True, False])
async def test_a_halt_voids_what_was_approved_before_it(
    redis_url: str, session: str, stop: Stop, by_operator: bool
) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await ask_approval(pipe, keys, WANTED, "challenge-1")
        if by_operator:
            assert await give_approval(pipe, keys, KEY, WANTED.digest, "anna")
        else:
            assert await by_form(pipe, session, "challenge-1") == "approved"
        await stop(pipe, keys)
        found = await ask_approval(pipe, keys, WANTED, "challenge-2")
        (waiting,) = await waiting_approvals(pipe, keys)
        anew = await by_form(pipe, session, "challenge-2")

    assert (found, waiting.key, anew) == ("", KEY, "approved")


@pytest.mark.trial("A29")
@pytest.mark.parametrize("stop", STOPS)
async def test_a_question_from_before_a_halt_can_not_be_answered_after_it(
    redis_url: str, session: str, stop: Stop
) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await ask_approval(pipe, keys, WANTED, "challenge-1")
        await stop(pipe, keys)
        listed = await waiting_approvals(pipe, keys)
        typed = await give_approval(pipe, keys, KEY, WANTED.digest, "anna")
        answered = await by_form(pipe, session, "challenge-1")
        found = await ask_approval(pipe, keys, WANTED, "challenge-2")

    assert (listed, typed, answered, found) == ([], False, "voided", "")


@pytest.mark.trial("A29")
async def test_an_approval_that_an_earlier_release_kept_is_good_until_a_halt(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await ask_approval(pipe, keys, WANTED)
        await pipe.send("HDEL", keys.approval(KEY), "epoch")
        given = await give_approval(pipe, keys, KEY, WANTED.digest, "anna")
        found = await ask_approval(pipe, keys, WANTED)
        await halted_and_released(pipe, keys)
        after = await ask_approval(pipe, keys, WANTED)

    assert (given, found, after) == (True, "anna", "")


async def told(pipe: CommandPipeline, keys: Keys) -> list[tuple[str, str]]:
    """Return the state and the person of each event in the log."""
    page = await read_events(pipe, keys, Cursor())
    assert {(each.event.kind, each.event.key) for each in page.events} <= {("approval", KEY)}
    return [(each.event.details["state"], each.event.details.get("by", "")) for each in page.events]


async def test_a_form_that_nobody_can_have_read_leaves_the_order_to_the_operator(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await ask_approval(pipe, keys, WANTED, "challenge-1")
        closed = await by_form(pipe, session, "challenge-1", approve=False)
        late_yes = await by_form(pipe, session, "challenge-1")
        (waiting,) = await waiting_approvals(pipe, keys)
        asked_again = await ask_approval(pipe, keys, WANTED, "challenge-2")
        closed_again = await by_form(pipe, session, "challenge-2", approve=False)
        given = await give_approval(pipe, keys, KEY, WANTED.digest, "anna")
        found = await ask_approval(pipe, keys, WANTED, "challenge-3")
        events = await told(pipe, keys)

    assert (closed, late_yes, waiting.key) == ("waits", "replayed", KEY)
    assert (asked_again, closed_again, given, found) == ("", "waits", True, "anna")
    assert events == [("asked", "claude"), ("approved", "anna")]


async def test_a_yes_counts_however_soon_it_comes(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url, patient(read_form_s=60)) as pipe:
        await ask_approval(pipe, keys, WANTED, "challenge-1")
        given = await by_form(pipe, session, "challenge-1")
        now = await approval_state(pipe, keys, KEY)
        events = await told(pipe, keys)

    assert (given, now.state, now.by) == ("approved", "approved", "claude, by a form in the client")
    assert events == [("asked", "claude"), ("approved", "claude, by a form in the client")]


async def test_a_person_who_declines_is_told_as_the_one_who_refused(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url, READ) as pipe:
        await ask_approval(pipe, keys, WANTED, "challenge-1")
        await by_form(pipe, session, "challenge-1", approve=False)
        refused = await approval_state(pipe, keys, KEY)
        await ask_approval(pipe, keys, WANTED, "challenge-2")
        anew = await approval_state(pipe, keys, KEY)
        events = await told(pipe, keys)

    assert (refused.state, refused.reason, anew.state) == ("refused", "declined at the client", "asked")
    assert [state for state, _ in events] == ["asked", "declined", "asked"]


async def refuse(pipe: CommandPipeline, keys: Keys, digest: str = WANTED.digest) -> bool:
    return await refuse_approval(pipe, keys, KEY, digest, "anna", "too large")


async def test_what_the_operator_refuses_is_refused_until_it_is_another_order(redis_url: str, session: str) -> None:
    keys, other = Keys(session), Approval(KEY, "digest-2", "claude", "BUY 100 AAPL")
    async with pipe_to(redis_url) as pipe:
        await ask_approval(pipe, keys, WANTED, "challenge-1")
        not_what_was_read = await refuse(pipe, keys, "another digest")
        refused = await refuse(pipe, keys)
        twice = await refuse(pipe, keys)
        by_the_open_form = await by_form(pipe, session, "challenge-1")
        given = await give_approval(pipe, keys, KEY, WANTED.digest, "bert")
        now, waiting = await approval_state(pipe, keys, KEY), await waiting_approvals(pipe, keys)
        await halted_and_released(pipe, keys)
        with pytest.raises(ToolError) as again:
            await ask_approval(pipe, keys, WANTED, "challenge-2")
        anew = await ask_approval(pipe, keys, other, "challenge-3")
        events = await told(pipe, keys)

    assert (not_what_was_read, refused, twice, by_the_open_form, given) == (False, True, False, "unknown", False)
    assert (now.state, now.by, now.reason, waiting) == ("refused", "anna", "too large", [])
    assert (again.value.code, again.value.details["reason"]) == ("approval_refused", "too large")
    assert anew == ""
    assert events == [("asked", "claude"), ("refused", "anna"), ("asked", "claude")]


async def test_what_is_approved_can_not_be_refused_any_more(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await ask_approval(pipe, keys, WANTED)
        await give_approval(pipe, keys, KEY, WANTED.digest, "anna")
        refused = await refuse(pipe, keys)
        found = await ask_approval(pipe, keys, WANTED)

    assert (refused, found) == (False, "anna")


async def test_an_approval_that_is_over_is_told_once_and_stands_no_more(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        never = await approval_state(pipe, keys, KEY)
        await ask_approval(pipe, keys, WANTED)
        asked = await approval_state(pipe, keys, KEY)
        await pipe.send("DEL", keys.approval(KEY))  # as after its time
        lists = [await waiting_approvals(pipe, keys) for _ in range(2)]
        over = await approval_state(pipe, keys, KEY)
        await ask_approval(pipe, keys, WANTED)
        await set_halt(pipe, keys, "halt", "anna", "odd fills")
        voided = await approval_state(pipe, keys, KEY)
        await waiting_approvals(pipe, keys)
        events = await told(pipe, keys)

    assert (never.state, asked.state, over.state, voided.state) == ("none", "asked", "none", "none")
    assert asked.summary == "BUY 1 AAPL"
    assert 890_000 < asked.left_ms <= 900_000
    assert lists == [[], []]
    assert [state for state, _ in events] == ["asked", "expired", "asked", "voided"]
