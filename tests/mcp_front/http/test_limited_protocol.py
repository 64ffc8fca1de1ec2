"""Requests beyond every measure, as bytes: each is refused or cut, and the front goes on serving."""

import asyncio
import contextlib
import json
import time

import pytest

from mcp_front.admission.intake import Intake
from mcp_front.http import limited_protocol
from mcp_front.timing import FrontTiming
from tests.busy import BUSY_S
from tests.stacks.front import LEGACY, Running, serving

POST = b"POST /api/v1 HTTP/1.1\r\nhost: localhost\r\n"
BODY = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()
WHOLE = (
    POST
    + b"accept: application/json, text/event-stream\r\ncontent-type: application/json\r\nmcp-protocol-version: "
    + LEGACY.encode()
    + b"\r\ncontent-length: %d\r\n\r\n" % len(BODY)
    + BODY
)


async def exchanged(front: Running, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """What comes back until the front closes, or has answered in a chunked body."""
    host, port = front.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    answer = b""
    try:
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(pause_s)
            while not answer.endswith(b"\r\n0\r\n\r\n"):
                came = await reader.read(65_536)
                if not came:
                    break
                answer += came
    finally:
        writer.close()
    return answer


@pytest.mark.trial("B4")
@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ([POST + b"x-a: ", *[b"y" * 65_536] * 1600], b"431"),  # 100 MB of one value
        ([POST + b"x-a: " + b"y" * 65_536 + b"\r\n\r\n"], b"431"),
        ([POST, *[b"y" * 65_536] * 160], b"431"),  # one name
        ([b"POST /" + b"y" * 70_000], b"431"),
        ([POST + b"".join(b"x-%d: 1\r\n" % n for n in range(101)) + b"\r\n"], b"431"),
        ([POST + b"".join(b"x-%d: 1\r\n" % n for n in range(5000)) + b"\r\n"], b"431"),
    ],
    ids=["endless value", "long value", "endless name", "long path", "101 headers", "5000 headers"],
)
async def test_head_beyond_its_limit_is_431_at_once(
    redis_url: str, session: str, pieces: list[bytes], status: bytes
) -> None:
    async with serving(redis_url, session) as front:
        began = time.monotonic()
        answer = await exchanged(front, *pieces)
        took_s = time.monotonic() - began
        after = await exchanged(front, WHOLE)

    assert answer.split(b" ")[1] == status
    assert took_s < 5
    assert b'"result"' in after


@pytest.mark.trial("B4")
@pytest.mark.parametrize(
    "begun",
    [b"", b"POST /api/v1 HT", POST, WHOLE + POST, WHOLE[: -len(BODY)], WHOLE[:-5]],
    ids=["nothing", "half a line", "half a head", "half a second head", "no body", "half a body"],
)
async def test_request_that_does_not_come_whole_is_ended(redis_url: str, session: str, begun: bytes) -> None:
    async with serving(redis_url, session, timing=FrontTiming(head_s=0.3, body_s=0.3, linger_s=0.1)) as front:
        answer = await exchanged_to_the_end(front, begun)
        after = await exchanged(front, WHOLE)

    assert b"408 Request Timeout" in answer or not answer or begun.startswith(WHOLE[:-5])
    assert b'"result"' in after


async def exchanged_to_the_end(front: Running, begun: bytes) -> bytes:
    host, port = front.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(begun)
    async with asyncio.timeout(5 + BUSY_S):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.trial("B4")
async def test_requests_within_the_limits_pass_whatever_pieces_they_come_in(redis_url: str, session: str) -> None:
    headers = b"".join(b"x-%d: %s\r\n" % (n, b"y" * 600) for n in range(90))  # 54 KiB
    request = WHOLE.replace(b"\r\n\r\n", b"\r\n" + headers + b"\r\n", 1)
    async with serving(redis_url, session) as front:
        bytewise = await exchanged(front, *[WHOLE[place : place + 7] for place in range(0, len(WHOLE), 7)])
        large = await exchanged(front, request)
        pipelined = await exchanged_twice(front, request + request)

    assert b'"result"' in bytewise
    assert b'"result"' in large
    assert pipelined == 2


async def test_requests_that_wait_for_their_turn_pass_whatever_pieces_they_come_in(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Intake, "may_begin", lambda _: False)
    monkeypatch.setattr(limited_protocol, "MOST_HELD", len(WHOLE) // 2)  # reading stops and goes on
    async with serving(redis_url, session) as front:
        bytewise = await exchanged(front, *[WHOLE[place : place + 7] for place in range(0, len(WHOLE), 7)])
        pipelined = await exchanged_twice(front, WHOLE + WHOLE)
        many = await asyncio.gather(*(exchanged(front, WHOLE) for _ in range(20)))

    assert b'"result"' in bytewise
    assert pipelined == 2
    assert all(b'"result"' in each for each in many)


async def test_what_reduces_risk_waits_for_no_turn_whatever_pieces_its_name_comes_in(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Intake, "may_begin", lambda _: False)
    monkeypatch.setattr(Intake, "add", lambda *_: None)  # no turn comes
    params = {"name": "ibkr_get_status", "arguments": {}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    head = WHOLE.removesuffix(BODY).replace(b"length: %d" % len(BODY), b"length: %d\r\nconnection: close" % len(body))
    middle = len(head) + body.index(b"status")
    async with serving(redis_url, session) as front, asyncio.timeout(5):
        answer = await exchanged(front, (head + body)[:middle], (head + body)[middle:], pause_s=0.05)

    assert b'"result"' in answer


async def exchanged_twice(front: Running, both: bytes) -> int:
    host, port = front.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(both)
    answer = b""
    async with asyncio.timeout(10):
        while answer.count(b"\r\n0\r\n\r\n") < 2:
            came = await reader.read(65_536)
            if not came:
                break
            answer += came
    writer.close()
    return answer.count(b'"result"')


@pytest.mark.trial("B4")
async def test_trickle_of_chunk_extensions_does_not_go_on_for_ever(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limited_protocol, "MESSAGE_LIMIT", 1024 * 1024)
    chunked = POST + b"transfer-encoding: chunked\r\n\r\n1;x="
    async with serving(redis_url, session) as front:
        await exchanged(front, chunked, *[b"y" * 65_536] * 64)
        after = await exchanged(front, WHOLE)

    assert b'"result"' in after


@pytest.mark.parametrize("around", [b"  \t", b"\t "], ids=["spaces first", "a tab first"])
async def test_whitespace_around_a_header_is_no_part_of_its_value(redis_url: str, session: str, around: bytes) -> None:
    version = LEGACY.encode()
    request = WHOLE.replace(b" " + version, around + version + around)
    async with serving(redis_url, session) as front:
        answer = await exchanged(front, request)

    assert b'"result"' in answer


@pytest.mark.trial("B4")
@pytest.mark.parametrize(
    ("begun", "drop"),
    [
        (b"", b"\r\n"),
        (POST + b"x-slow: ", b"y"),
        (POST, b"x: 1\r\n"),
        (b"", b"P"),
        (WHOLE, b"\r\n"),
        (WHOLE + POST, b"y"),
    ],
    ids=["line ends", "a value", "headers", "a method", "line ends after a request", "a second request"],
)
async def test_head_that_trickles_in_is_ended_in_time(redis_url: str, session: str, begun: bytes, drop: bytes) -> None:
    async with serving(redis_url, session, timing=FrontTiming(head_s=0.4, linger_s=0.1)) as front:
        began = time.monotonic()
        answer = await trickled(front, begun, drop)
        took_s = time.monotonic() - began
        after = await exchanged(front, WHOLE)

    assert took_s < 4 + BUSY_S
    assert b"408 Request Timeout" in answer or b"400 Bad Request" in answer  # uvicorn's own for a method that is none
    assert b'"result"' in after


async def trickled(front: Running, begun: bytes, drop: bytes) -> bytes:
    """What comes back from a front that gets one more drop every 50 ms, until it closes."""
    host, port = front.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(begun)
    reading = asyncio.create_task(reader.read())
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionError):
            while not reading.done():
                writer.write(drop)
                await writer.drain()
                await asyncio.wait({reading}, timeout=0.05)
        answer = await reading
    writer.close()
    return answer


@pytest.mark.trial("B4")
async def test_refusal_of_a_head_is_json_with_its_code(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front:
        answer = await exchanged(front, POST + b"x-a: " + b"y" * 65_536 + b"\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")

    assert b"content-type: application/json" in head
    assert json.loads(body)["error"]["message"] == "A request's head has at most 64 KiB."
    assert json.loads(body)["error"]["data"] == {"code": "head_too_large"}
