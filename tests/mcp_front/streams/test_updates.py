"""An update goes on as it came, and its values are read where somebody looks."""

import msgspec
import pytest

from mcp_front.streams.tools import quote_line
from mcp_front.streams.updates import QuoteUpdate, Update


def test_the_body_is_passed_on_as_it_came() -> None:
    body = b'{"last": 512.30, "ticks": [{"tickType": 4}]}'
    update = QuoteUpdate(msgspec.Raw(body))

    assert update.body == body
    assert update.values == {"last": 512.3, "ticks": [{"tickType": 4}]}
    assert update.brief == {"last": 512.3}


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_a_line_end_would_end_the_clients_event(line_end: bytes) -> None:
    update = Update(b'{"tag":%b"NetLiquidation"}' % line_end)

    assert update.body == b'{"tag":"NetLiquidation"}'


def test_what_is_no_json_is_no_quote() -> None:
    with pytest.raises(msgspec.DecodeError):
        QuoteUpdate(b"junk")


def test_a_line_tells_what_is_known() -> None:
    whole = {"last": 512.3, "lastSize": 100, "bid": 512.29, "bidSize": None, "ask": None, "askSize": 4.5}

    assert quote_line("SPY", QuoteUpdate.of(whole).figures) == "SPY last 512.3 x 100, bid 512.29"
    assert quote_line("SPY", QuoteUpdate(b"{}").figures) == "SPY no price yet"
