"""A frame is read by the layout of its request, and one that does not fit it is refused."""

from __future__ import annotations

import pytest

from ibgateway.simulator.wire import requests


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\0",
        b"x\0",
        b"49",  # no zero byte at the end
        b"49\0",  # no version
        b"49\x001\x001\0",  # one field too many
        b"8\x001\0x\0",  # not a number
        b"61\x001\0\xff\xfe\0",  # not UTF-8
        b"7\x003\x009\x000\0\0\0\0\0\0",  # one field too few
        b"7\x009\x000\0\0\0\0\0\0\0" + b"7\x00999999\0",  # a count of a million
    ],
)
def test_a_frame_whose_fields_are_not_its_messages_is_refused(payload: bytes) -> None:
    with pytest.raises(requests.BadFields):
        requests.decode(payload, 200, strict=True)


@pytest.mark.trial("F4")
def test_fields_that_are_missing_at_the_end_are_unset() -> None:
    short = requests.decode(b"7\x003\x009\x000\0\0\0\0\0\0", 200)
    half = requests.decode(b"1\x0011\x007\x000\0SPY\0STK\0", 200)

    assert (short.filter.clientId, short.filter.exchange) == (0, "")
    assert (half.reqId, half.contract.symbol, half.contract.exchange, half.snapshot) == (7, "SPY", "", False)


@pytest.mark.trial("F4")
@pytest.mark.parametrize("payload", [b"49\0", b"8\x001\0x\0", b"49\x001\x001\0"])
def test_a_frame_without_any_field_or_with_a_bad_one_is_refused(payload: bytes) -> None:
    with pytest.raises(requests.BadFields):
        requests.decode(payload, 200)


def test_a_refused_frame_names_its_request_where_it_can() -> None:
    with pytest.raises(requests.BadFields) as refused:
        requests.decode(b"91\x00\0", 200)
    assert refused.value.reqId == -1
    with pytest.raises(requests.BadFields) as refused:
        requests.decode(b"88\x0042\0nonsense\0", 200)
    assert (refused.value.msgId, refused.value.reqId) == (88, 42)


def test_an_unknown_message_id_is_told_apart() -> None:
    with pytest.raises(requests.UnknownMessage, match="250"):
        requests.decode(b"250\0", 200)
