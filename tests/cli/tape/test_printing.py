"""A tape in a pipe: plain lines at once, as JSON where that is asked for, and an end with its reader."""

import asyncio
import json

import pytest

from bridge.bus.events.event import EventDraft, SessionEvent
from bridge.bus.events.event_log import log_events
from bridge.tools.session import SessionStatus
from cli.tape.items import TapeItem, TapeNotice
from cli.tape.printing import PlainPrinter, follow, printer
from tests.stacks.audit_log import leading

ITEM = TapeNotice("Redis answers again", good=True)


def test_a_pipe_gets_plain_lines_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    with printer() as plain, printer(as_json=True) as encoded:
        plain.add(ITEM)
        encoded.add(ITEM)
        plain.show(None)
    first, second = capsys.readouterr().out.splitlines()

    assert first.endswith("watch     Redis answers again")
    assert "\x1b" not in first
    assert json.loads(second)["text"] == ITEM.text


class ClosedPipe(PlainPrinter):
    """A printer whose reader has ended."""

    def add(self, item: TapeItem) -> None:
        raise BrokenPipeError

    def show(self, status: SessionStatus | None) -> None:
        """Nothing."""


async def test_a_tape_whose_reader_has_ended_ends_too(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _):
        following = asyncio.create_task(follow(redis_url, session, ClosedPipe()))
        number = 0
        while not following.done():
            number += 1
            draft = EventDraft(f"o{number}", "x", SessionEvent("order", "2026-01-02T03:04:05Z"))
            await log_events(bus.pipe, bus.keys, bus.lease.token, [draft])
            await asyncio.sleep(0.02)

    assert isinstance(following.exception(), BrokenPipeError)
