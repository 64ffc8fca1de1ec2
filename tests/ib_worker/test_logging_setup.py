"""The worker's log: JSON lines that carry the request, and no account's number."""

import io
import json
import logging

import pytest
import structlog

from ib_worker.logging_setup import configure_logs, masked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("DU1234567", "DU***567"), ("order for U1234567, twice U7654321", "order for U***567, twice U***321"),
        ("DF1234567 and F7654321", "DF***567 and F***321"), ("USD 1234567", "USD 1234567"), ("DUE12345", "DUE12345"),
    ],
)  # fmt: skip
def test_accounts_are_masked_wherever_they_stand(text: str, shown: str) -> None:
    assert masked(text) == shown


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
