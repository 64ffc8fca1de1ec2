"""The shared connection: what is queued together travels together; a failure says whether it may have had effect."""

import asyncio
import time
from typing import cast

import pytest
import redis

from bridge.bus.timing import BusTiming
from bridge.bus.transport import pipeline as pipe
from bridge.bus.transport.clock import boottime
from bridge.bus.transport.connection import BusError, NotSent, Refused, Unanswered
from bridge.bus.transport.pipeline import CommandPipeline
from tests.stacks.bus import pipe_to
from tests.stacks.redis_relay import Shim
from tests.stacks.timing import PATIENT
from tests.waiting import until


async def test_answers_come_in_the_order_of_the_commands(redis_url: str) -> None:
    async with pipe_to(redis_url) as pipe:
        answers = [pipe.send("ECHO", f"{i}") for i in range(1200)]  # more than one batch

        assert await asyncio.gather(*answers) == [b"%d" % i for i in range(1200)]


async def test_commands_take_text_bytes_and_numbers(redis_url: str, session: str) -> None:
    async with pipe_to(redis_url) as pipe:
        await pipe.send("SET", session, b"\x00\xff", "PX", 60_000)

        assert await pipe.send("GET", session) == b"\x00\xff"


async def test_what_is_queued_meanwhile_shares_the_next_round_trip(redis_url: str) -> None:
    async with pipe_to(redis_url) as pipe:
        await pipe.send("PING")
        before = await calls(pipe)
        await asyncio.gather(*(pipe.send("PING") for _ in range(100)))
        reads = await calls(pipe) - before

    assert reads < 10  # of the socket, by the server


async def calls(pipe: CommandPipeline) -> int:
    """How often the server has read from a client, as it counts it."""
    told = (await pipe.send("INFO", "stats")).decode()
    return int(told.split("total_reads_processed:")[1].split()[0])


async def at_rest(pipe: CommandPipeline) -> None:
    """Open the connection, and wait until nothing is under way."""
    await pipe.send("PING")
    await until(lambda: pipe._exchange is None, "nothing is under way")


def wait_for_key(redis_url: str, key: str) -> bytes | None:
    """The key's value once it is set, within two seconds. It blocks: the event loop does not turn meanwhile."""
    until_s = time.monotonic() + 2
    with redis.Redis.from_url(redis_url) as beside:
        while (found := beside.get(key)) is None and time.monotonic() < until_s:
            pass
    return cast("bytes | None", found)


async def test_a_lone_command_goes_out_in_the_step_that_makes_it(redis_url: str, session: str) -> None:
    async with pipe_to(redis_url) as it:
        await at_rest(it)
        alone = it.send_alone("SET", session, "set")

        assert wait_for_key(redis_url, session) == b"set"
        assert await alone == b"OK"


async def test_a_lone_command_behind_others_keeps_their_order(redis_url: str, session: str) -> None:
    async with pipe_to(redis_url) as it:
        await it.send("PING")
        answers = [it.send("APPEND", session, "a"), it.send_alone("APPEND", session, "b"), it.send_alone("PING")]

        assert await asyncio.gather(*answers) == [1, 2, b"PONG"]
        assert await it.send("GET", session) == b"ab"


async def test_commands_behind_a_lone_one_share_the_next_round_trip(redis_url: str) -> None:
    async with pipe_to(redis_url) as it:
        await at_rest(it)
        answers = [it.send_alone("ECHO", "0"), *(it.send("ECHO", f"{i}") for i in range(1, 700))]

        assert await asyncio.gather(*answers) == [b"%d" % i for i in range(700)]


async def test_a_lone_command_opens_the_connection_as_any_other(redis_url: str) -> None:
    async with Shim(redis_url) as shim, pipe_to(shim.url) as it:
        assert await it.send_alone("PING") == b"PONG"
        shim.cut()
        await until(lambda: it._connection is not None and it._connection.is_over, "the end is noticed")

        assert await it.send_alone("ECHO", "again") == b"again"


async def test_a_lone_command_whose_connection_breaks_may_have_had_its_effect(redis_url: str) -> None:
    async with Shim(redis_url) as shim, pipe_to(shim.url) as it:
        await at_rest(it)
        shim.answers.clear()
        alone = it.send_alone("PING")
        shim.cut()
        with pytest.raises(Unanswered):
            await alone
        shim.answers.set()

        assert await it.send("PING") == b"PONG"


async def test_a_lone_command_that_is_not_answered_in_time_is_given_up(redis_url: str) -> None:
    async with Shim(redis_url) as shim, pipe_to(shim.url, BusTiming(answer_s=0.1)) as it:
        await at_rest(it)
        shim.answers.clear()
        with pytest.raises(Unanswered, match="no answer in time"):
            await it.send_alone("ECHO", "late")
        shim.answers.set()

        assert await it.send("ECHO", "next") == b"next"


async def test_a_lone_command_that_can_not_be_packed_harms_no_later_one(redis_url: str) -> None:
    async with pipe_to(redis_url) as it:
        await at_rest(it)
        with pytest.raises(Unanswered):
            await it.send_alone("ECHO", object())  # type: ignore[arg-type]

        assert await it.send_alone("ECHO", "on") == b"on"


async def test_closing_right_after_a_lone_command_leaves_its_effect_unknown(redis_url: str) -> None:
    async with Shim(redis_url) as shim:
        async with pipe_to(shim.url) as it:
            await at_rest(it)
            shim.answers.clear()
            alone = it.send_alone("PING")
        with pytest.raises(Unanswered):
            await alone
        shim.answers.set()


async def test_each_lone_command_renews_an_old_clock_first(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with pipe_to(redis_url) as it:
        await it.send("PING")
        later = boottime() + pipe.CLOCK_S + 1
        monkeypatch.setattr(pipe, "boottime", lambda: later)
        await it.send_alone("PING")

        assert it.clock.measured_at == later


async def test_a_command_that_redis_refuses_harms_no_other(redis_url: str, session: str) -> None:
    async with pipe_to(redis_url) as pipe:
        commands = [("SET", session, "x"), ("INCR", session), ("GET", session)]
        answers = await asyncio.gather(*(pipe.send(*each) for each in commands), return_exceptions=True)

    assert answers[0] == b"OK"
    assert isinstance(answers[1], Refused)
    assert "integer" in str(answers[1])
    assert answers[2] == b"x"


async def test_a_command_that_can_not_be_packed_harms_no_later_one(redis_url: str) -> None:
    async with pipe_to(redis_url) as pipe:
        for argument in (object(), "\ud800"):
            with pytest.raises(Unanswered):
                await pipe.send("ECHO", argument)  # type: ignore[arg-type]

        assert await pipe.send("ECHO", "on") == b"on"


async def test_a_cancelled_command_is_not_sent(redis_url: str, session: str) -> None:
    async with pipe_to(redis_url) as pipe:
        kept, dropped = pipe.send("SET", session, "kept"), pipe.send("SET", session, "dropped")
        dropped.cancel()
        await kept

        assert await pipe.send("GET", session) == b"kept"


async def test_a_caller_that_goes_after_the_command_was_sent_harms_no_other(redis_url: str) -> None:
    async with Shim(redis_url) as shim, pipe_to(shim.url) as pipe:
        await pipe.send("PING")
        shim.answers.clear()
        gone, stays = pipe.send("ECHO", "gone"), pipe.send("ECHO", "stays")
        await asyncio.sleep(0.01)
        gone.cancel()
        shim.answers.set()

        assert await stays == b"stays"


async def test_without_a_server_nothing_was_sent(unused_port: int) -> None:
    async with pipe_to(f"redis://127.0.0.1:{unused_port}") as pipe:
        with pytest.raises(NotSent) as caught:
            await pipe.send("PING")

    assert not caught.value.sent
    assert not pipe.clock.known


async def test_a_server_that_accepts_and_says_nothing_is_given_up() -> None:
    hung_up = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with silent, pipe_to(f"redis://:password@127.0.0.1:{port}", BusTiming(connect_s=0.1)) as pipe:
        with pytest.raises(NotSent):
            await pipe.send("PING")
        await hung_up.wait()


async def test_a_connection_that_breaks_under_a_command_leaves_its_effect_unknown(redis_url: str) -> None:
    async with Shim(redis_url) as shim, pipe_to(shim.url) as pipe:
        await pipe.send("PING")
        shim.answers.clear()
        answers = [pipe.send("PING"), pipe.send("PING")]
        await asyncio.sleep(0.01)
        shim.cut()
        outcomes = await asyncio.gather(*answers, return_exceptions=True)
        shim.answers.set()

        assert [type(outcome) for outcome in outcomes] == [Unanswered, Unanswered]
        assert Unanswered.sent
        assert await pipe.send("PING") == b"PONG"


async def test_silence_is_given_up_and_what_comes_too_late_confuses_nobody(redis_url: str) -> None:
    async with Shim(redis_url) as shim, pipe_to(shim.url, BusTiming(answer_s=0.1)) as it:
        await it.send("PING")
        shim.answers.clear()
        with pytest.raises(Unanswered, match="no answer in time"):
            await it.send("ECHO", "late")
        shim.answers.set()

        assert await it.send("ECHO", "next") == b"next"


async def test_a_server_that_hung_up_meanwhile_is_noticed_before_sending(redis_url: str) -> None:
    async with Shim(redis_url) as shim, pipe_to(shim.url) as pipe:
        await pipe.send("PING")
        connects = pipe.connects
        shim.cut()
        await asyncio.sleep(0.05)

        assert await pipe.send("ECHO", "again") == b"again"
        assert pipe.connects == connects + 1


async def test_too_many_waiting_commands_are_refused(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe, "QUEUED", 3)
    async with pipe_to(redis_url) as it:
        answers = [it.send("PING") for _ in range(4)]
        outcomes = await asyncio.gather(*answers, return_exceptions=True)

    assert outcomes[:3] == [b"PONG"] * 3
    assert isinstance(outcomes[3], NotSent)
    assert "too many" in str(outcomes[3])


async def test_a_closed_pipe_sends_nothing(redis_url: str) -> None:
    never_opened = CommandPipeline(redis_url, PATIENT)
    with pytest.raises(NotSent, match="closed"):
        await never_opened.send("PING")
    await never_opened.__aexit__()

    async with pipe_to(redis_url) as pipe:
        waiting = pipe.send("PING")
    with pytest.raises(BusError):
        await waiting
    with pytest.raises(NotSent, match="closed"):
        await pipe.send("PING")


async def test_closing_while_a_command_is_under_way_ends_it(redis_url: str) -> None:
    async with Shim(redis_url) as shim:
        async with pipe_to(shim.url) as pipe:
            await pipe.send("PING")
            shim.answers.clear()
            waiting = pipe.send("PING")
            await asyncio.sleep(0.01)
            behind = pipe.send("PING")
        with pytest.raises(Unanswered):
            await waiting
        with pytest.raises(NotSent, match="closing"):
            await behind
        shim.answers.set()


async def test_the_clock_is_the_servers(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with pipe_to(redis_url) as it:
        seconds, microseconds = await it.send("TIME")
        assert abs(it.clock.now_ms() - (int(seconds) * 1000 + int(microseconds) / 1000)) < 500
        measured_at = it.clock.measured_at
        await it.send("PING")
        assert it.clock.measured_at == measured_at  # not anew with each command
        later = boottime() + pipe.CLOCK_S + 1
        monkeypatch.setattr(pipe, "boottime", lambda: later)
        await it.send("PING")
        assert it.clock.measured_at == later


async def test_a_slow_server_is_waited_for(redis_url: str) -> None:
    async with Shim(redis_url) as shim, pipe_to(shim.url) as pipe:
        await pipe.send("PING")
        shim.answers.clear()
        answer = pipe.send("PING")
        asyncio.get_running_loop().call_later(0.3, shim.answers.set)

        assert await answer == b"PONG"


async def test_the_first_command_opens_the_connection(redis_url: str) -> None:
    async with Shim(redis_url) as shim, pipe_to(shim.url) as pipe:
        assert shim.accepted == 0
        await asyncio.gather(*(pipe.send("PING") for _ in range(5)))
        await until(lambda: shim.accepted == 1, "there is one connection")

        assert pipe.connects == 1
