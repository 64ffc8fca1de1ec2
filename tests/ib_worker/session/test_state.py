"""The session's state, what the gateway's notices do to it, its settings and its logs."""

import asyncio
import io
import json
import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from pydantic import ValidationError

from ib_worker import __version__, probe
from ib_worker import liveness as beat
from ib_worker.logging_setup import configure_logs, masked
from ib_worker.risk.limits import Limits
from ib_worker.session import state as standing
from ib_worker.session.broker_link import BrokerLink, LinkEvent
from ib_worker.session.state import SessionState, StateReason, StateTracker, farm_of
from ib_worker.settings import Endpoint, WorkerSettings
from tests.waiting import until

CAUSES = [each for each in vars(standing).values() if isinstance(each, StateReason)]
NOW = datetime(2025, 6, 11, tzinfo=UTC)


class Watch:
    """A clock, and what a record announces."""

    def __init__(self) -> None:
        self.now = NOW
        self.told: list[SessionState] = []

    def record(self) -> StateTracker:
        record = StateTracker("gw", 4002, 1, lambda: self.now)
        record.changed = self.told.append
        return record


def test_a_session_begins_by_connecting() -> None:
    record = Watch().record()

    assert (record.standing.state, record.standing.ready) == ("connecting", False)
    assert record.standing.cause == "The worker is connecting to gw:4002."


@pytest.mark.parametrize("cause", CAUSES, ids=[each.cause[:30] for each in CAUSES])
def test_every_cause_says_what_is_wrong_and_what_to_do(cause: StateReason) -> None:
    record = Watch().record()
    record.set(cause, "the detail")

    error = record.standing.error()

    assert error.code == cause.code
    assert error.message == f"{record.standing.cause} {cause.remedy}"
    assert "{" not in error.message
    assert record.standing.remedy


def test_the_same_state_again_keeps_its_beginning() -> None:
    watch = Watch()
    record = watch.record()
    record.set(standing.UNREACHABLE, "refused")
    watch.now += timedelta(seconds=5)

    record.set(standing.UNREACHABLE, "refused")

    assert record.standing.since == NOW
    assert len(watch.told) == 1


def test_another_cause_is_a_change() -> None:
    watch = Watch()
    record = watch.record()
    record.set(standing.UNREACHABLE, "refused")
    watch.now += timedelta(seconds=5)

    record.set(standing.CLOSES)

    assert record.standing.since == watch.now
    assert len(watch.told) == 2


def test_a_ready_session_has_no_cause() -> None:
    record = Watch().record()

    record.ready()

    assert (record.standing.ready, record.standing.state, record.standing.cause, record.standing.remedy) == (
        True,
        "ready",
        None,
        None,
    )


def test_a_standing_without_a_cause_is_still_an_error() -> None:
    assert (SessionState("failed", NOW).error().code, SessionState("failed", NOW).error().message) == (
        "not_ready",
        "The session is not ready.",
    )


@pytest.mark.parametrize(
    ("code", "news"),
    [
        (1100, LinkEvent.LINK_LOST), (2110, LinkEvent.LINK_LOST), (1101, LinkEvent.RESTORED_EMPTY),
        (1102, LinkEvent.RESTORED), (326, LinkEvent.ID_IN_USE), (2104, LinkEvent.NONE),
        (2103, LinkEvent.NONE), (10182, LinkEvent.NONE),
    ],
)  # fmt: skip
def test_a_notice_means_something_for_the_session(code: int, news: LinkEvent) -> None:
    assert BrokerLink().hear(code, "text") is news


def test_only_1100_and_2110_take_the_link_down() -> None:
    link = BrokerLink()

    for code in (2103, 2105, 2157, 10197):
        link.hear(code, "farm connection is broken:usfarm")

    assert link.down_by is None
    assert link.farms == {"usfarm": "broken"}


@pytest.mark.parametrize(("code", "blind"), [(2103, {"usfarm"}), (2105, set()), (2157, set())])
def test_only_a_broken_market_data_farm_makes_prices_old(code: int, blind: set[str]) -> None:
    link = BrokerLink()

    link.hear(code, "farm connection is broken:usfarm")
    link.hear(2119, "Market data farm is connecting:usfarm")
    assert link.without_quotes == blind

    link.hear(2104, "Market data farm connection is OK:usfarm")
    assert link.without_quotes == set()


def test_after_2110_a_farm_that_works_again_says_that_the_link_is_back() -> None:
    link = BrokerLink()
    link.hear(2110, "Connectivity between Trader Workstation and server is broken.")

    assert link.hear(2103, "broken:usfarm") is LinkEvent.NONE
    assert link.down_by == 2110
    assert link.hear(2104, "OK:usfarm") is LinkEvent.RESTORED
    assert link.down_by is None


def test_after_1100_a_farm_says_nothing_about_the_link() -> None:
    link = BrokerLink()
    link.hear(1100, "lost")

    assert link.hear(2104, "OK:usfarm") is LinkEvent.NONE
    assert link.down_by == 1100


@pytest.mark.parametrize(
    ("text", "farm"),
    [
        ("Market data farm connection is OK:usfarm.nj", "usfarm.nj"),
        ("Market data farm connection is inactive but should be available upon demand.usfarm.nj", "usfarm.nj"),
        ("no farm", "no farm"),
        ("x:", "x:"),
    ],
)
def test_a_farm_is_named_at_the_end(text: str, farm: str) -> None:
    assert farm_of(text) == farm


def test_the_last_error_is_remembered() -> None:
    link = BrokerLink()

    link.hear(326, "Unable to connect as the client id is already in use.")

    assert link.refused == (326, "Unable to connect as the client id is already in use.")


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_HOST", "gw")
    monkeypatch.setenv("GATEWAY_PORT", "4004")
    monkeypatch.setenv("GATEWAY_ALLOWED", "127.0.0.1:7496, [::1]:4001,gw:4004,")

    settings = WorkerSettings()

    assert settings.gateway == Endpoint("gw", 4004)
    assert settings.allowed == (("gw", 4004), ("127.0.0.1", 7496), ("::1", 4001))
    assert [str(each) for each in settings.allowed][1] == "127.0.0.1:7496"


def test_the_defaults_are_those_of_a_paper_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in WorkerSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)

    settings = WorkerSettings()

    assert (settings.gateway, settings.gateway_client_id, settings.trading_mode) == (("127.0.0.1", 4002), 1, "paper")
    assert settings.allowed == (settings.gateway,)


@pytest.mark.parametrize("written", ["gw", "gw:", ":1", "gw:0", "gw:65536", "gw:x", "g w:1"])
def test_an_address_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(ValidationError, match="host:port is expected"):
        WorkerSettings.model_validate({"gateway_allowed": written})


def test_live_trading_takes_accounts_and_limits_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="LIVE_ACCOUNTS"):
        WorkerSettings(trading_mode="live")
    monkeypatch.setenv("LIVE_ACCOUNTS", "U1234567, U7654321")
    with pytest.raises(ValidationError, match="LIMIT_MAX_QUANTITY"):
        WorkerSettings(trading_mode="live")
    for name in Limits.model_fields:
        monkeypatch.setenv(f"LIMIT_{name.upper()}", "allowed" if name == "outside_rth" else "off")

    settings = WorkerSettings(trading_mode="live")

    assert settings.live_accounts == {"U1234567", "U7654321"}
    assert settings.rails is settings.limits


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


def test_a_worker_is_alive_while_its_file_is_fresh(tmp_path: Path) -> None:
    file = tmp_path / "beat"
    assert not beat.is_alive(file)

    file.touch()

    assert beat.is_alive(file)


async def test_a_worker_that_ends_takes_its_sign_of_life_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "beat"
    monkeypatch.setenv("BEAT_FILE", str(file))
    living = asyncio.create_task(beat.touch_while_alive(file))
    await until(file.exists, "the worker lives")
    assert probe.main() == 0

    living.cancel()
    await asyncio.gather(living, return_exceptions=True)

    assert probe.main() == 1


@pytest.mark.fault(72)
def test_a_stale_file_is_no_life(tmp_path: Path) -> None:
    file = tmp_path / "beat"
    file.touch()
    old = file.stat().st_mtime - beat.STALE_S - 1
    os.utime(file, (old, old))

    assert not beat.is_alive(file)


def test_the_workers_version_is_the_projects() -> None:
    assert f'version = "{__version__}"' in (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
