"""The console's settings: where it listens, and that no passphrase goes over an open line."""

import pytest
from pydantic import ValidationError

from console.settings import ConsoleSettings, load_settings


def test_by_default_only_this_machine_reaches_it() -> None:
    settings = ConsoleSettings()

    assert (settings.console_host, settings.url) == ("127.0.0.1", "http://127.0.0.1:8010")


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://Console.Example.org:443/", "https://console.example.org"),
        ("https://console.example.org:8443", "https://console.example.org:8443"),
        ("HTTP://[::1]:80", "http://[::1]"),
    ],
)
def test_the_address_is_as_browsers_send_it(written: str, url: str) -> None:
    assert ConsoleSettings(console_url=written).url == url


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"console_host": "0.0.0.0"}, "set CONSOLE_URL"),
        ({"console_url": "http://console.example.org"}, "only https"),
        ({"console_url": "https://console.example.org/path"}, "without a path"),
        ({"console_url": "console.example.org"}, "such as https://"),
        ({"console_url": "https://anna:secret@console.example.org"}, "such as https://"),
        ({"console_url": "https://console.example.org:70000"}, "[Pp]ort"),
        ({"console_url": "https://münchen.example"}, "xn--"),
        ({"public_url": "http://ibkr.example.org"}, "only https"),
        ({"forwarded_allow_ips": "*"}, "name the proxy's address"),
        ({"console_sign_in_h": 0}, "greater than 0"),
        ({"ibkr_session": "a b"}, "session"),
    ],
)
def test_what_would_be_unsafe_does_not_start(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ConsoleSettings.model_validate(values)


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ({"console_url": "https://console.example.org/"}, "https://console.example.org"),
        ({"console_url": "http://localhost:9000"}, "http://localhost:9000"),
        ({"console_host": "::1"}, "http://[::1]:8010"),
        (
            {"console_host": "0.0.0.0", "console_url": "https://console.example.org:8443"},
            "https://console.example.org:8443",
        ),
    ],
)
def test_the_address_is_that_of_the_browser(values: dict[str, object], url: str) -> None:
    assert ConsoleSettings.model_validate(values).url == url


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSOLE_PORT", "9011")

    assert load_settings().console_port == 9011
