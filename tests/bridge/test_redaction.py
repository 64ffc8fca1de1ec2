"""No account number and no password in what is logged or answered."""

import pytest

from bridge.redaction import UNREADABLE, mask_accounts, mask_event, mask_url


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("DU1234567", "DU***567"), ("order for U1234567, twice U7654321", "order for U***567, twice U***321"),
        ("DF1234567 and F7654321", "DF***567 and F***321"), ("USD 1234567", "USD 1234567"), ("DUE12345", "DUE12345"),
    ],
)  # fmt: skip
def test_accounts_are_masked_wherever_they_stand(text: str, shown: str) -> None:
    assert mask_accounts(text) == shown


def test_an_event_of_a_log_has_its_texts_masked() -> None:
    assert mask_event(None, "info", {"account": "DU1234567", "count": 1234567}) == {
        "account": "DU***567",
        "count": 1234567,
    }


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:hunter@redis:6380/0", "redis:6380"), ("redis://:hunter@redis", "redis:6379"),
        ("unix:///run/redis.sock", "/run/redis.sock"), ("redis://:hun/ter@redis:6379/0", UNREADABLE),
        ("redis://:hunter@redis:topsecret/0", UNREADABLE),
    ],
)  # fmt: skip
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert mask_url(url) == shown
