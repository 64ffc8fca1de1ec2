"""The kill switch on a real server: the first halt is kept, a later one only tightens, each change awaits the log."""

import asyncio

import pytest

from bridge.bus.controls.kill_switch import clear_halt, drop_change, next_change, read_halt, set_halt
from bridge.bus.identity.operators import Operator, add_operator
from bridge.bus.identity.sign_ins import begin_sign_in, remove_operator, sign_in_id
from bridge.bus.keys import Keys
from bridge.bus.records.admission import AdmissionRules
from bridge.bus.transport.clock import boottime
from bridge.bus.transport.connection import Full
from bridge.tool import ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.stacks.bus import front, full, pipe_to, serving, submit
from tests.stacks.gated import TERMS, Gated


async def test_the_first_halt_is_remembered_and_a_later_one_only_tightens(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        assert await read_halt(pipe, keys) is None
        first = await set_halt(pipe, keys, "reduce_only", "anna", "odd fills")
        tightened = await set_halt(pipe, keys, "halt", "bert", "worse")
        kept = await set_halt(pipe, keys, "reduce_only", "carl", "fine again")
        read = await read_halt(pipe, keys)
        cleared = [await clear_halt(pipe, keys, "bert"), await clear_halt(pipe, keys, "bert")]
        gone = await read_halt(pipe, keys)

    assert (first.level, first.by, first.reason) == ("reduce_only", "anna", "odd fills")
    assert (tightened.level, tightened.by) == ("halt", "bert")
    assert kept == tightened == read
    assert abs(first.since_ms - pipe.clock.now_ms()) < 60_000
    assert (cleared, gone) == ([True, False], None)


async def test_only_the_switch_that_was_read_is_released(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        read = await set_halt(pipe, keys, "reduce_only", "anna", "odd fills")
        await asyncio.sleep(0.005)  # its time is in milliseconds
        tighter = await set_halt(pipe, keys, "halt", "bert", "worse")
        early = await clear_halt(pipe, keys, "anna", read=read)
        still = await read_halt(pipe, keys)
        done = await clear_halt(pipe, keys, "anna", read=tighter)

    assert (early, still, done) == (False, tighter, True)


async def test_a_sign_in_that_ended_releases_nothing_where_no_operator_is_left(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await add_operator(pipe, keys, Operator("anna", "$argon2id$hash"))
        sign_in = sign_in_id(await begin_sign_in(pipe, keys, "anna", "console"))
        halt = await set_halt(pipe, keys, "halt", "bert", "worse")
        await remove_operator(pipe, keys, "anna")
        with pytest.raises(PermissionError, match="signed in"):
            await clear_halt(pipe, keys, "operator anna", sign_in)

        assert await read_halt(pipe, keys) == halt


@pytest.mark.parametrize("behind_s", [0.0, 60.0], ids=["in time", "behind Redis's clock"])
async def test_what_was_done_to_the_switch_waits_for_the_log_in_its_order(
    redis_url: str, session: str, behind_s: float
) -> None:
    keys, done = Keys(session), []
    async with pipe_to(redis_url) as pipe:
        await set_halt(pipe, keys, "reduce_only", "anna", 'odd "fills"')
        await set_halt(pipe, keys, "reduce_only", "anna", "again")
        await clear_halt(pipe, keys, "bert")
        await set_halt(pipe, keys, "halt", "carl", "worse")
        pipe.clock.measured(pipe.clock.now_ms() / 1000 - behind_s, boottime(), boottime())
        while (change := await next_change(pipe, keys)) is not None:
            done.append((change.event, change.level, change.by, change.reason))
            await drop_change(pipe, change)

    assert done == [
        ("halt", "reduce_only", "anna", 'odd "fills"'), ("resume", "reduce_only", "bert", 'odd "fills"'),
        ("halt", "halt", "carl", "worse"),
    ]  # fmt: skip


async def test_what_another_leader_has_dropped_already_takes_nothing_with_it(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await set_halt(pipe, keys, "reduce_only", "anna", "odd fills")
        await set_halt(pipe, keys, "halt", "bert", "worse")
        one, same = await next_change(pipe, keys), await next_change(pipe, keys)
        assert one is not None
        assert one == same
        await drop_change(pipe, one)
        await drop_change(pipe, one)
        left = await next_change(pipe, keys)

    assert left is not None
    assert left.by == "bert"


@pytest.mark.fault(80)
async def test_the_switch_is_set_while_redis_is_out_of_memory(own_redis: EmbeddedRedis, session: str) -> None:
    desk = Gated(AdmissionRules(TERMS))
    async with serving(own_redis.url, session, desk.handle) as bus, front(own_redis.url, session) as bus_client:
        async with full(bus.pipe):
            halt = await bus_client.halt("anna", "it floods")
            assert await bus_client.halted() == halt
            with pytest.raises(Full):
                await clear_halt(bus.pipe, bus.keys, "bert")
        with pytest.raises(ToolError) as caught:
            await submit(bus_client)
        change = await next_change(bus.pipe, bus.keys)

    assert (halt.level, caught.value.code, desk.sent) == ("halt", "halted", [])
    assert change is not None
    assert change.reason == "it floods"
