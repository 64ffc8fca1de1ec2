"""A stream tool relays each tick, returns a summary, and ends early only with what it has and the reason."""

import asyncio
import json
import re
import socket
from typing import Any

import pytest

from bridge.bus.server.request import RequestContext
from bridge.tools.market.market_data import StreamSummary
from bridge.tools.session import SessionStatus
from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from mcp_front.streams.relay import lasts_s
from mcp_front.timing import FrontTiming
from tests.busy import BUSY_S
from tests.stacks.front import ERAS, MODERN, Running, serving, worker
from tests.stacks.ticking_worker import SPY, STREAM, quote, ticking, watch
from tests.waiting import until


@pytest.mark.parametrize("era", ERAS)
async def test_each_tick_goes_out_as_message_and_progress(redis_url: str, session: str, era: str) -> None:
    async with ticking(redis_url, session) as ticker, serving(redis_url, session) as front:
        result, messages, progress = await watch(front, era, 1)

    seen = [message["extra"] for message in messages]
    numbers = [round((each["last"] - 500) * 100) for each in seen]
    assert len(seen) >= 10
    assert seen == [quote(number) for number in numbers]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(seen) == result.structured_content["updates_count"] <= ticker.sent
    assert messages[0]["msg"].startswith("SPY last 500")
    done, totals, texts = zip(*progress, strict=True)
    assert list(done) == sorted(set(done))
    assert set(totals) == {1.0}
    assert texts[0] == messages[0]["msg"]


@pytest.mark.trial("C6")
async def test_an_option_is_named_whole_in_each_line_of_its_stream(redis_url: str, session: str) -> None:
    terms = {"secType": "OPT", "lastTradeDateOrContractMonth": "20250718", "strike": 400.0, "right": "P"}
    option = SPY | terms | {"tradingClass": "SPY"}
    async with ticking(redis_url, session, contract=option), serving(redis_url, session) as front:
        result, messages, progress = await watch(front, MODERN, 1)

    assert messages[0]["msg"].startswith("SPY 18JUL25 400 P last 500")
    assert progress[0][2] == messages[0]["msg"]
    assert result.structured_content["message"].startswith("SPY 18JUL25 400 P: ")
    assert result.structured_content["name"] == "SPY 18JUL25 400 P"
    assert "; SPY 18JUL25 400 P last 500" in result.structured_content["message"]


@pytest.mark.parametrize("era", ERAS)
async def test_summary_says_what_was_seen(redis_url: str, session: str, era: str) -> None:
    async with ticking(redis_url, session), serving(redis_url, session) as front:
        result, messages, _ = await watch(front, era, 1)

    summary = StreamSummary.model_validate(result.structured_content)
    prices = [message["extra"]["last"] for message in messages]
    assert (summary.symbol, summary.conId, summary.marketDataType) == ("SPY", 265598, "live")
    assert summary.first is not None
    assert summary.last is not None
    assert (summary.first.last, summary.last.last) == (prices[0], prices[-1])
    assert (summary.low, summary.high) == (min(prices), max(prices))
    last: list[Any] = [each["last"] for each in summary.sample]
    assert last == sorted(last)
    assert len(summary.sample) == 10
    assert (last[0], last[-1]) == (prices[0], prices[-1])
    assert summary.same.items() >= {"symbol": "SPY", "conId": 265598, "marketDataType": "live"}.items()
    assert not any({"ticks", *summary.same} & set(each) for each in summary.sample)
    assert (summary.conflated, summary.gaps) == (0, 0)
    assert 1.0 <= summary.seconds < 1.5 + BUSY_S
    assert "Ended early" not in summary.message
    assert f"{prices[-1]:g}" in result.content[0].text


async def test_contract_that_does_not_tick_ends_in_time_without_values(redis_url: str, session: str) -> None:
    async with ticking(redis_url, session, every_s=60) as ticker, serving(redis_url, session) as front:
        ticker.publish = lambda: None  # type: ignore[method-assign]
        result, messages, _ = await watch(front, MODERN, 1)

    summary = StreamSummary.model_validate(result.structured_content)
    assert messages == []
    assert (summary.updates_count, summary.first, summary.high, summary.sample) == (0, None, None, [])
    assert "0 updates in 1 s, so the market may be closed and the price old" in summary.message


@pytest.mark.trial("B5")
@pytest.mark.parametrize(
    ("seconds", "opening_s", "lasts"),
    [
        (10, 0, 10),
        (10, 5, 10),
        (54, 3, 54),
        (54, 10, 48),
        (55, 0, 53),
        (60, 0, 58),
        (60, 5, 53),
        (600, 5, 593),
        (60, 70, 0),
    ],
)
def test_a_stream_leaves_its_host_time_to_hear_the_answer(seconds: int, opening_s: float, lasts: float) -> None:
    assert lasts_s(seconds, opening_s) == lasts


@pytest.mark.trial("B5")
async def test_a_long_stream_answers_two_seconds_before_its_time(redis_url: str, session: str) -> None:
    soon = FrontTiming(long_stream_s=3)
    async with ticking(redis_url, session), serving(redis_url, session, timing=soon) as front:
        result = await front.raw().call("ibkr_stream_market_data", symbol="SPY", duration_seconds=3)

    assert result["structuredContent"]["seconds"] < 3.0


@pytest.mark.trial("B5")
async def test_the_time_that_a_stream_takes_to_open_counts(redis_url: str, session: str) -> None:
    opened = {"stream": "account-DU1", "account": "DU1", "updates": [], "life": "", "seq": 0}

    async def slow(_asked: RequestContext) -> bytes:
        await asyncio.sleep(1)
        return json.dumps(opened).encode()

    soon, handlers = FrontTiming(long_stream_s=3, early_s=0.5), {"open_account_updates": slow}
    async with worker(redis_url, session, handlers), serving(redis_url, session, timing=soon) as front:
        result = await front.raw().call("ibkr_stream_account_updates", duration_seconds=3)

    assert result["structuredContent"]["seconds"] <= 1.5 + 0.2


@pytest.mark.parametrize("era", ERAS)
async def test_stream_ends_with_what_it_has_when_the_worker_goes(redis_url: str, session: str, era: str) -> None:
    async with serving(redis_url, session) as front:
        async with ticking(redis_url, session) as ticker:
            call = asyncio.create_task(watch(front, era, 60))
            await until(lambda: ticker.sent > 10, "some ticks are sent")
        async with asyncio.timeout(10):
            result, messages, _ = await call

    assert len(messages) > 5
    assert result.structured_content["updates_count"] == len(messages)
    assert "Ended early: " in result.structured_content["message"]
    assert "worker" in result.structured_content["message"]


async def test_stream_ends_with_what_it_has_when_the_session_is_lost(redis_url: str, session: str) -> None:
    lost = SessionStatus(is_connected=False, state="connecting", cause="The gateway hung up.")
    async with ticking(redis_url, session) as ticker, serving(redis_url, session) as front:
        call = asyncio.create_task(watch(front, MODERN, 60))
        await until(lambda: ticker.sent > 10, "some ticks are sent")
        await ticker.bus.write_heartbeat(lost)
        async with asyncio.timeout(5 + BUSY_S):
            result, _, _ = await call

    assert "Ended early: the session is connecting: The gateway hung up." in result.structured_content["message"]
    assert result.structured_content["updates_count"] > 5


@pytest.mark.fault(14)
async def test_break_of_the_line_is_relayed_as_unknown_and_counted(redis_url: str, session: str) -> None:
    nothing = dict.fromkeys(("bid", "ask", "last", "bidSize", "askSize", "lastSize"))
    async with ticking(redis_url, session) as ticker, serving(redis_url, session) as front:
        call = asyncio.create_task(watch(front, MODERN, 2))
        await until(lambda: ticker.bus.ticks.receivers(STREAM) == 1, "the front listens")
        ticker.publish = lambda: None  # type: ignore[method-assign]
        ticker.bus.publish(STREAM, "gap", json.dumps(quote(0) | nothing).encode())
        result, messages, _ = await call

    assert messages[-1]["msg"] == "SPY no price yet"
    assert result.structured_content["gaps"] == 1
    assert result.structured_content["last"]["last"] is None


async def test_stream_ends_with_what_it_has_when_redis_goes(tmp_path: Any, session: str) -> None:
    async with (
        EmbeddedRedis(tmp_path, free_port()) as redis,
        serving(redis.url, session) as front,
        ticking(redis.url, session) as ticker,
    ):
        call = asyncio.create_task(watch(front, MODERN, 60))
        await until(lambda: ticker.sent > 10, "some ticks are sent")
        await redis.stop()
        async with asyncio.timeout(10):
            result, _, _ = await call
        await redis.start()

    assert "Ended early: " in result.structured_content["message"]
    assert result.structured_content["updates_count"] > 5


@pytest.mark.parametrize("era", ERAS)
async def test_stream_returns_its_summary_when_the_front_drains(redis_url: str, session: str, era: str) -> None:
    async with ticking(redis_url, session) as ticker, serving(redis_url, session) as front:
        call = asyncio.create_task(watch(front, era, 60))
        await until(lambda: ticker.sent > 10, "some ticks are sent")
        front.server.drain()
        async with asyncio.timeout(5 + BUSY_S):
            result, _, _ = await call

    assert "this front is stopping" in result.structured_content["message"]


@pytest.mark.parametrize("era", ERAS)
async def test_client_that_hangs_up_ends_its_stream_and_its_subscription(
    redis_url: str, session: str, era: str
) -> None:
    async with ticking(redis_url, session) as ticker, serving(redis_url, session) as front:
        call = asyncio.create_task(front.raw(era).call("ibkr_stream_market_data", symbol="SPY", duration_seconds=60))
        await until(lambda: ticker.bus.ticks.receivers(STREAM) == 1, "the front listens")
        call.cancel()

        await until(lambda: ticker.bus.ticks.receivers(STREAM) == 0, "nobody listens any more")
        async with asyncio.timeout(2 + BUSY_S):
            await front.front.calls.idle()


@pytest.mark.fault(90)
@pytest.mark.parametrize("era", ERAS)
async def test_client_that_does_not_read_gets_the_latest_and_a_count_and_slows_nobody(
    redis_url: str, session: str, era: str
) -> None:
    async with ticking(redis_url, session, every_s=0.004) as ticker, serving(redis_url, session) as front:
        ticker.ballast = 1500  # raw ticks in each update: 50 kB
        async with Stalled(front, era) as stalled:
            await until(lambda: ticker.sent > 300, "three times what the sockets hold has been sent", 30)
            quick, messages, _ = await watch(front, era, 1)
            front.front.draining.set()
            summary, heard = await stalled.read()

    assert messages
    assert quick.structured_content["conflated"] < len(messages)  # its client shares the machine with all the rest
    assert summary["conflated"] > 100
    assert 0 <= len(heard) - summary["updates_count"] <= 10  # one that its deadline cut off may have got out after all
    assert summary["updates_count"] + summary["conflated"] <= ticker.sent
    assert heard == sorted(heard)


class Stalled:
    """A client that asks for a stream and does not read before it is told to."""

    def __init__(self, front: Running, era: str) -> None:
        self._port = int(front.url.rpartition(":")[2])
        arguments = {"symbol": "SPY", "duration_seconds": 600}
        meta = {"io.modelcontextprotocol/logLevel": "info"} if era == MODERN else None
        self._post = front.raw(era).prepared("tools/call", meta, name="ibkr_stream_market_data", arguments=arguments)

    async def __aenter__(self) -> "Stalled":
        whole = socket.socket()
        whole.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        whole.connect(("127.0.0.1", self._port))
        self._reader, self._writer = await asyncio.open_connection(sock=whole, limit=4096)
        headers = self._post["headers"] | {"host": "localhost", "content-length": str(len(self._post["content"]))}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._writer.write(f"POST /api/v1 HTTP/1.1\r\n{head}connection: close\r\n\r\n{self._post['content']}".encode())
        await self._writer.drain()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def read(self) -> tuple[dict[str, Any], list[float]]:
        """The summary, and the prices of the messages before it."""
        async with asyncio.timeout(20):
            received = await self._reader.read()
        # Chunk sizes stand on lines of their own, which the pattern passes over.
        whole = re.sub(rb"\r\n[0-9a-f]+\r\n", b"", received)
        messages = [json.loads(line[6:]) for line in whole.split(b"\r\n") if line.startswith(b"data: ")]
        logged = [each["params"]["data"]["extra"] for each in messages if each.get("method") == "notifications/message"]
        return messages[-1]["result"]["structuredContent"], [each["last"] for each in logged]
