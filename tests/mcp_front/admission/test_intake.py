"""Requests that come together begin a few at a time, and no caller's flood is before another's request."""

import asyncio
from collections import deque
from functools import partial

import pytest

from bridge.tools import orders, session  # noqa: F401 - the declarations fill the registry
from mcp_front.admission.intake import AT_A_TURN, Intake, claim_of

HEAD = b"POST /api/v1 HTTP/1.1\r\nhost: localhost\r\nAuthorization: Bearer %s\r\n\r\n"
BODY = b'{"params": {"_meta": {"io.modelcontextprotocol/clientInfo": {"version": "1", "name": "%s"}}}}'
HALT = b'{"method": "tools/call", "params": {"name": "ibkr_halt_trading"}}'


async def test_a_turn_of_the_loop_begins_a_few_requests() -> None:
    intake, begun = Intake(), list[int]()
    at_once = [number for number in range(3 * AT_A_TURN) if intake.may_begin()]
    for number in range(2 * AT_A_TURN):
        intake.add(None, "address", partial(begun.append, number))

    assert len(at_once) == AT_A_TURN
    for turns in (1, 2):
        await asyncio.sleep(0)
        assert begun == list(range(turns * AT_A_TURN))
    await asyncio.sleep(0)
    assert intake.may_begin()


async def test_nothing_begins_before_what_waits() -> None:
    intake, begun = Intake(), list[str]()
    intake.add(None, "address", partial(begun.append, "first"))

    assert not intake.may_begin()
    await asyncio.sleep(0)
    assert begun == ["first"]


async def test_a_request_that_raises_holds_no_other() -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    intake, begun = Intake(), list[str]()
    intake.add(None, "a", deque[None]().popleft)
    intake.add(None, "b", partial(begun.append, "b"))

    for _ in range(3):
        await asyncio.sleep(0)
    assert begun == ["b"]


async def test_another_callers_request_begins_before_a_flood() -> None:
    intake, begun = Intake(), list[str]()
    for number in range(1_000):
        intake.add(claim_of(HEAD % b"hungry"), "address", partial(begun.append, f"{number}"))
    intake.confirm(claim_of(HEAD % b"quiet"), "quiet")
    intake.add(claim_of(HEAD % b"quiet"), "address", partial(begun.append, "quiet"))

    await asyncio.sleep(0)
    assert "quiet" in begun


@pytest.mark.parametrize("other", [HEAD % b"b" + BODY % b"one", HEAD % b"a" + BODY % b"two"], ids=["token", "name"])
def test_claim_is_of_token_and_name(other: bytes) -> None:
    one = HEAD % b"a" + BODY % b"one"

    assert claim_of(one) == claim_of(one + b" ")
    assert claim_of(one) != claim_of(other)
    assert claim_of(one[:40]) is None


def test_what_reduces_risk_is_urgent() -> None:
    intake = Intake()

    assert intake.is_urgent(HEAD % b"a" + HALT)
    assert intake.is_urgent(b"mcp-name: ibkr_cancel_order\r\n")
    assert not intake.is_urgent(HEAD % b"a" + HALT.replace(b"halt_trading", b"place_order"))
