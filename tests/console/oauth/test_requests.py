"""A sealed request is the one that was checked, for a quarter of an hour."""

import base64
import time

import pytest

from console.oauth.requests import LASTS_S, ConsentRequest, Requests

ASKED = ConsentRequest(
    "client", "http://localhost/cb", True, "c" * 43, "https://front.example/api/v1", ["read"], "s", time.time()
)  # fmt: skip


def test_what_was_sealed_is_opened() -> None:
    requests = Requests()

    assert requests.opened(requests.sealed(ASKED)) == ASKED


def test_what_was_changed_or_sealed_elsewhere_is_not() -> None:
    requests, sealed = Requests(), Requests().sealed(ASKED)
    own = requests.sealed(ASKED)
    raw = bytearray(base64.urlsafe_b64decode(own + "=="))
    raw[-5] ^= 1

    assert requests.opened(sealed) is None
    assert requests.opened(base64.urlsafe_b64encode(bytes(raw)).decode()) is None
    assert [requests.opened(each) for each in ("", "x", "é", own[:-8])] == [None] * 4


def test_a_request_has_its_time() -> None:
    requests = Requests()
    old = ConsentRequest(**{**{name: getattr(ASKED, name) for name in ASKED.__struct_fields__}, "at": 0.0})
    new = ConsentRequest(**{name: getattr(ASKED, name) for name in ASKED.__struct_fields__} | {"at": time.time() - 60})

    assert LASTS_S > 60
    assert requests.opened(requests.sealed(old)) is None
    assert requests.opened(requests.sealed(new)) == new


def test_a_request_that_is_too_long_is_refused() -> None:
    long = ConsentRequest("c", "http://localhost/cb", True, "c" * 43, "r", [], "s" * 9_000, 0.0)
    with pytest.raises(ValueError, match="6000 characters"):
        Requests().sealed(long)
