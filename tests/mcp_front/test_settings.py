"""Settings come from the environment, and a door that is left open stops the start."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bridge.settings import is_loopback
from mcp_front.settings import FrontSettings


def settings_with(monkeypatch: pytest.MonkeyPatch, **variables: str) -> FrontSettings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return FrontSettings()


def test_default_listens_on_loopback_without_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_with(monkeypatch)

    assert (settings.front_host, settings.front_port) == ("127.0.0.1", 8000)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "front.example.org"])
def test_reachable_host_without_tokens_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings_with(monkeypatch, FRONT_HOST=host)

    text = str(caught.value)
    assert host in text
    for way_out in ("FRONT_TOKENS_FILE", "FRONT_HOST=127.0.0.1", "FRONT_PUBLISHED_ON=loopback"):
        assert way_out in text


def test_reachable_host_with_tokens_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_with(monkeypatch, FRONT_HOST="0.0.0.0", FRONT_TOKENS_FILE="/run/secrets/tokens")

    assert settings.front_tokens_file == Path("/run/secrets/tokens")


def test_container_that_is_published_on_loopback_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_with(monkeypatch, FRONT_HOST="0.0.0.0", FRONT_PUBLISHED_ON="loopback").front_host == "0.0.0.0"


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("", False),
     ("localhost.example.org", False)],
)  # fmt: skip
def test_loopback_is_told_from_the_rest(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize("host", ["ibkr.example.org", "ibkr.example.org:*", "10.0.0.8:8000", "2001:db8::8", "[::]:80"])
def test_front_that_others_reach_by_a_name_needs_tokens(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("FRONT_ALLOWED_HOSTS", f"localhost,{host}")
    with pytest.raises(ValidationError) as caught:
        FrontSettings()

    assert f"FRONT_ALLOWED_HOSTS={host} " in str(caught.value)
    assert "set FRONT_TOKENS_FILE" in str(caught.value)
    assert settings_with(monkeypatch, FRONT_TOKENS_FILE="/run/secrets/tokens").front_allowed_hosts[1] == host


@pytest.mark.parametrize("host", ["localhost:8443", "127.0.0.1", "127.0.0.1:*", "::1", "[::1]:8000"])
def test_another_name_of_this_machine_needs_none(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    assert settings_with(monkeypatch, FRONT_ALLOWED_HOSTS=host).front_allowed_hosts == (host,)


def test_clients_that_sign_in_need_the_consoles_address_and_are_asked_for_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://ibkr.example.org/")
    with pytest.raises(ValidationError, match="set CONSOLE_URL"):
        FrontSettings()
    settings = settings_with(monkeypatch, CONSOLE_URL="https://console.example.org", FRONT_HOST="0.0.0.0")

    assert settings.asks_for_tokens
    assert settings.hosts == ("ibkr.example.org",)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OIDC_ISSUER": "https://issuer.example", "OIDC_AUDIENCE": "a"}, "PUBLIC_URL"),
        ({"OIDC_ISSUER": "https://issuer.example", "PUBLIC_URL": "https://a.example"}, "OIDC_AUDIENCE"),
        (
            {"OIDC_ISSUER": "https://issuer.example", "PUBLIC_URL": "https://a.example", "OIDC_AUDIENCE": "a"},
            "FRONT_TOKENS_FILE",
        ),
        ({"OIDC_ISSUER": "http://issuer.example", "PUBLIC_URL": "https://a.example", "OIDC_AUDIENCE": "a"}, "https"),
    ],
)
def test_a_provider_outside_needs_an_audience_and_https(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        settings_with(monkeypatch, **variables)


def test_comma_lists_are_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONT_TOKENS_FILE", "/run/secrets/tokens")
    settings = settings_with(monkeypatch, FRONT_ALLOWED_HOSTS="a.example.org, b.example.org,", FRONT_TOOLSETS="session")

    assert settings.front_allowed_hosts == ("a.example.org", "b.example.org")
    assert settings.front_toolsets == ("session",)


def test_secret_file_stands_for_its_variable(tmp_path: Path) -> None:
    (tmp_path / "redis_url").write_text("rediss://front:secret@redis:6379/0\n")

    assert FrontSettings(_secrets_dir=tmp_path).redis_url == "rediss://front:secret@redis:6379/0"


def test_fault_does_not_show_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError) as caught:
        settings_with(monkeypatch, FRONT_PORT="hunter2")

    assert "hunter2" not in str(caught.value)


def test_a_log_level_may_be_in_capitals(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_with(monkeypatch, LOG_LEVEL="INFO", LOG_FORMAT="JSON")

    assert (settings.log_level, settings.log_format) == ("info", "json")


def test_a_session_is_valid_here_where_it_is_at_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_with(monkeypatch, IBKR_SESSION="desk.2").ibkr_session == "desk.2"
    with pytest.raises(ValidationError, match="1-32 of A-Z"):
        settings_with(monkeypatch, IBKR_SESSION="x" * 33)
