"""The worker's log: JSON lines that carry the request, and no account's number."""

import io
import json
import logging

import pytest
import structlog

from ib_worker.logging_setup import configure_logs


@pytest.mark.fault(108)
def test_a_line_of_the_log_is_json_with_its_request_and_without_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, root = io.StringIO(), logging.getLogger()
    before = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", stream)
    try:
        configure_logs("info", "json")
        with structlog.contextvars.bound_contextvars(request_id="r-7"):
            logging.getLogger("ib_worker.test").info("for %s", "DU1234567")
            logging.getLogger("ib_async.client").error("account U1234567")
    finally:
        root.handlers[:], root.level = before[0], before[1]
        structlog.reset_defaults()

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(each["event"], each["request_id"], each["level"]) for each in lines] == [("for DU***567", "r-7", "info")]
