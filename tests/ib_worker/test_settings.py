"""The worker's settings as people write them: in capitals, with spaces, or left empty in a file."""

from decimal import Decimal

import pytest
from pydantic import ValidationError

from ib_worker.risk.limit_settings import Limits
from ib_worker.settings import GROUPS, WorkerSettings
from ib_worker.tws.endpoint import Endpoint


@pytest.mark.parametrize("level", ["INFO", "Info", "info"])
def test_a_log_level_may_be_in_capitals(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", level)
    monkeypatch.setenv("LOG_FORMAT", "JSON")

    assert (WorkerSettings().log_level, WorkerSettings().log_format) == ("info", "json")


@pytest.mark.parametrize("written", ["", " "])
def test_a_webhook_that_was_left_empty_is_none(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK", written)

    assert WorkerSettings().alert_webhook is None


def test_a_webhook_of_the_targets_needs_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_TARGETS", "phone=ntfys://ntfy.sh/topic")
    assert [each.name for each in WorkerSettings().alert_targets] == ["phone"]
    monkeypatch.setenv("ALERT_TARGETS", "desk=https://example.com/hidden")
    for secret in ("", "short"):
        monkeypatch.setenv("ALERT_SECRET", secret)
        with pytest.raises(ValidationError, match="ALERT_SECRET: the webhook desk of ALERT_TARGETS") as refused:
            WorkerSettings()
        assert "hidden" not in str(refused.value)
    monkeypatch.setenv("ALERT_SECRET", "0123456789abcdef")
    assert WorkerSettings().alert_events == frozenset()


def test_events_that_no_target_could_get_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_EVENTS", "fills,halts")
    with pytest.raises(ValidationError, match="no target is set"):
        WorkerSettings()
    monkeypatch.setenv("ALERT_TARGETS", "phone=ntfys://ntfy.sh/topic")
    assert WorkerSettings().alert_events == {"fills", "halts"}
    monkeypatch.setenv("ALERT_EVENTS", "quotes")
    with pytest.raises(ValidationError, match="fills"):
        WorkerSettings()


def test_the_consoles_address_is_one_that_browsers_may_sign_in_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSOLE_URL", "")
    assert WorkerSettings().console_url is None
    monkeypatch.setenv("CONSOLE_URL", "https://console.example.org/")
    assert WorkerSettings().console_url == "https://console.example.org"
    monkeypatch.setenv("CONSOLE_URL", "http://console.example.org")
    with pytest.raises(ValidationError, match="only https"):
        WorkerSettings()


@pytest.mark.parametrize("session", ["", "two words", "{paper}", "x" * 33])
def test_a_session_that_redis_could_not_have_is_refused_at_the_start(
    session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IBKR_SESSION", session)

    with pytest.raises(ValidationError, match="1-32 of A-Z"):
        WorkerSettings()


@pytest.mark.trial("A32")
@pytest.mark.parametrize("written", ["0", "00", "-0", " 0 "])
def test_client_id_0_is_refused_with_the_reason(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_CLIENT_ID", written)

    with pytest.raises(ValidationError, match=r"0 is not allowed\. TWS binds orders that are entered by hand"):
        WorkerSettings()


@pytest.mark.trial("A32")
@pytest.mark.parametrize("written", ["-1", "2147483648", "one"])
def test_what_is_no_client_id_is_refused(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_CLIENT_ID", written)

    with pytest.raises(ValidationError, match="gateway_client_id"):
        WorkerSettings()


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


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="host:port is expected"):
        WorkerSettings.model_validate({"gateway_allowed": "gw:0"})


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
    assert settings.effective_limits is settings.limits


@pytest.mark.parametrize("written", ['{"max_quantity": 99999999, "rejects": 99999999}', "no JSON"])
@pytest.mark.parametrize("group", sorted(GROUPS))
def test_no_variable_sets_a_group_of_settings_over_their_own(
    monkeypatch: pytest.MonkeyPatch, group: str, written: str
) -> None:
    monkeypatch.setenv("LIMIT_MAX_QUANTITY", "5")
    monkeypatch.setenv("TRIP_REJECTS", "3")
    monkeypatch.setenv(group.upper(), written)

    settings = WorkerSettings()

    assert settings.limits.max_quantity == Decimal(5)
    assert settings.breakers.rejects == 3
