"""The settings of the metrics' port: off by default, and closed to other machines without a token."""

import pytest
from pydantic import ValidationError

from bridge.metrics.settings import MetricsSettings


def settings_with(monkeypatch: pytest.MonkeyPatch, **variables: str) -> MetricsSettings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return MetricsSettings()


@pytest.mark.parametrize("variables", [{}, {"METRICS_PORT": ""}, {"METRICS_PORT": "", "METRICS_HOST": "0.0.0.0"}])
def test_no_port_is_served_by_default(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    assert settings_with(monkeypatch, **variables).metrics_port is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.4", "metrics.example.com"])
def test_other_machines_need_a_token(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings_with(monkeypatch, METRICS_PORT="9100", METRICS_HOST=host)

    assert f"METRICS_HOST={host} shows this service's figures" in str(caught.value)
    for way_out in ("METRICS_TOKEN", "METRICS_HOST=127.0.0.1", "METRICS_NETWORK=internal"):
        assert way_out in str(caught.value)


@pytest.mark.parametrize(
    "further",
    [
        {"METRICS_TOKEN": "0123456789abcdef"},
        {"METRICS_NETWORK": "internal"},
        {"METRICS_HOST": "localhost"},
        {"METRICS_HOST": "::1"},
    ],
)
def test_what_only_prometheus_reads_is_accepted(monkeypatch: pytest.MonkeyPatch, further: dict[str, str]) -> None:
    assert settings_with(monkeypatch, **{"METRICS_PORT": "9100", "METRICS_HOST": "0.0.0.0"} | further).metrics_port


def test_a_short_token_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="at least 16 characters"):
        settings_with(monkeypatch, METRICS_PORT="9100", METRICS_TOKEN="short")
