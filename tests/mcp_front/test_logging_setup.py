"""A log line is one JSON object, tells no account number, and is not lost at the end."""

import json
import logging
import subprocess
import sys

import pytest

from mcp_front.logging_setup import RateLimitedLog

PROGRAM = """
import asyncio, logging, structlog
from mcp_front.logging_setup import configure_logs
configure_logs("info", "{style}")
log = structlog.get_logger("test")

async def main():
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        log.info("order", account="DU1234567", text="sold for U7654321, not F12")
        log.debug("hidden")
        logging.getLogger("library").warning("of %s", "DF9999999")
        try:
            raise ValueError("account\\nDU1234567")
        except ValueError:
            log.exception("failed")

log.info("before")
asyncio.run(main())
log.info("after")
"""


def logged(style: str) -> str:
    command = [sys.executable, "-c", PROGRAM.format(style=style)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stderr


@pytest.mark.fault(108)
def test_lines_are_json_in_their_order_with_accounts_masked() -> None:
    lines = [json.loads(line) for line in logged("json").splitlines()]

    assert [line["event"] for line in lines] == ["before", "order", "of DF***999", "failed", "after"]
    assert lines[1]["request_id"] == "r-1"
    assert (lines[1]["account"], lines[1]["text"]) == ("DU***567", "sold for U***321, not F12")
    assert lines[1]["level"] == "info"
    assert "ValueError: account\nDU***567" in lines[3]["exception"]


@pytest.mark.trial("E14")
def test_what_anybody_may_send_again_and_again_is_a_line_a_minute() -> None:
    seldom, records = RateLimitedLog(), []
    for number in range(5):
        for name, text, args in (
            ("uvicorn.error", "Invalid HTTP request received.", ()),
            ("mcp.server", "dropped %r: malformed params", (f"notifications/{number}",)),
            ("ib_worker", "of %s", (number,)),
        ):
            records.append(logging.LogRecord(name, logging.WARNING, "", 0, text, args, None))
    passed = [each.name for each in records if seldom.filter(each)]

    assert passed == ["uvicorn.error", "mcp.server", *["ib_worker"] * 5]


def test_console_is_for_people() -> None:
    text = logged("console")

    assert "order" in text
    assert "DU***567" in text
    assert "ValueError: account\nDU***567" in text
    assert "1234567" not in text
