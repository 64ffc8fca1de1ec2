"""Redis' address: no text about one that can't be read has a piece of its password."""

import pytest

from bridge.bus.transport.address import redis_address
from bridge.bus.transport.connection import NotSent, bus_down, connections
from bridge.redaction import mask_url
from ib_worker.__main__ import main as worker_main
from ib_worker.settings import WorkerSettings
from mcp_front.__main__ import main as front_main

PIECES = ("hunter", "topsecret")
SECRETS = [
    f"redis://:{PIECES[0]}{each}{PIECES[1]}@redis:6379/0" for each in ("#", "/", "?", "[", "]", "[x]", "\u2100", "%zz/")
] + [
    "redis://hunter#topsecret@redis:6379/0",
    "unix://user:hunter#topsecret@/run/redis.sock",
    "redis://:hunter topsecret",  # and no host
    "http://:hunter-topsecret@redis:6379/0",
    "redis://:hunter@redis:topsecret/0",
]
pytestmark = pytest.mark.trial("E5")


def clean(text: str) -> bool:
    return not any(piece in text for piece in PIECES)


@pytest.mark.parametrize("url", SECRETS)
def test_no_text_about_an_unreadable_address_has_a_piece_of_its_password(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    statuses = (worker_main(), front_main())
    told = capsys.readouterr().err
    with pytest.raises(ValueError, match="percent-encode") as caught:
        connections(url)
    with pytest.raises(ValueError, match="percent-encode") as settings:
        WorkerSettings()

    assert statuses == (2, 2)
    assert told.count("REDIS_URL: an address such as") == 2
    assert clean(told)
    assert clean(str(caught.value) + str(settings.value) + repr(settings.value))
    assert caught.value.__cause__ is None
    assert clean(mask_url(url) + bus_down(url, NotSent("no answer")).message)


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("redis://127.0.0.1:6379/0", "127.0.0.1:6379"),
        ("redis://:hunter%23topsecret@redis/1", "redis:6379"),
        ("rediss://user:hunter@[::1]:6380/0?ssl_cert_reqs=none", "::1:6380"),
        ("redis://:p@ss@redis:6379/0", "redis:6379"),
        ("unix://user:hunter@/run/redis.sock?db=2", "/run/redis.sock"),
    ],
)
def test_a_good_address_is_taken_and_shown_without_its_password(url: str, where: str) -> None:
    assert redis_address(url) == url
    assert mask_url(url) == where
