"""What crosses Redis: encoding, limits, and messages of neighbouring releases."""

import msgspec
import pytest

from bridge.bus.messages import (
    MESSAGE_LIMIT,
    REPLY_LIMIT,
    REQUEST_LIMIT,
    VERSION,
    Reply,
    Request,
    Tick,
    Ticks,
    decode_reply,
    decode_request,
    decode_ticks,
    encode_error,
    encode_reply,
    encode_request,
    result_of,
)
from bridge.bus.records.records import digest_of
from bridge.tool import OPERATIONS, ToolError
from bridge.tools.orders import CancelOrder
from tests.stacks.bus import PLACE_ORDER, order

REQUEST = Request(VERSION, "f-1", "get_positions", msgspec.Raw(b"{}"), "f", 5, "claude", "r-1")


def test_a_request_is_readable_json_without_what_is_not_set() -> None:
    assert encode_request(REQUEST) == (
        b'{"v":1,"id":"f-1","op":"get_positions","args":{},"front":"f","until":5,"caller":"claude","request_id":"r-1"}'
    )


def test_a_request_comes_back_as_it_was() -> None:
    whole = Request(
        VERSION, "f-1", "place_order", msgspec.Raw(b'{"a": 1}'), "f", 5, "c", "r", "key", "digest", 1500, "00-1-2-01"
    )

    again = decode_request(encode_request(whole))

    assert bytes(again.args) == b'{"a": 1}'
    assert msgspec.structs.replace(again, args=whole.args) == whole


@pytest.mark.fault(89)
def test_what_a_later_release_adds_is_ignored() -> None:
    later = encode_request(REQUEST)[:-1] + b',"priority":1}'

    assert decode_request(later).id == "f-1"
    assert decode_reply(b'{"v":1,"id":"f-1","ok":true,"result":[1],"took_ms":3}').result == msgspec.Raw(b"[1]")
    assert decode_ticks(b'["1-1",[[1,"quote",5,{"a":1},"more"]]]').ticks[0].kind == "quote"


def test_a_reply_says_only_what_it_has() -> None:
    assert encode_reply(Reply(VERSION, "f-1", True, msgspec.Raw(b"[]"))) == b'{"v":1,"id":"f-1","ok":true,"result":[]}'
    assert result_of(decode_reply(b'{"v":1,"id":"f-1","ok":true}')) == b"null"


def test_ticks_are_arrays() -> None:
    message = msgspec.json.encode(Ticks("7-1", [Tick(1, "quote", 5, msgspec.Raw(b'{"last":1}'))]))

    assert message == b'["7-1",[[1,"quote",5,{"last":1}]]]'
    assert decode_ticks(message).life == "7-1"


@pytest.mark.parametrize("size", [REQUEST_LIMIT, REQUEST_LIMIT + 1])
def test_a_request_up_to_its_limit_passes(size: int) -> None:
    bare = len(encode_request(msgspec.structs.replace(REQUEST, caller="")))
    request = msgspec.structs.replace(REQUEST, caller="x" * (size - bare))

    if size > REQUEST_LIMIT:
        with pytest.raises(ToolError) as caught:
            encode_request(request)
        assert caught.value.code == "too_large"
        assert f"{size} bytes" in caught.value.message
        assert f"{REQUEST_LIMIT} " in caught.value.message
        with pytest.raises(msgspec.DecodeError, match=f"{size} bytes"):
            decode_request(msgspec.json.encode(request))
    else:
        assert decode_request(encode_request(request)).caller == request.caller


def test_limits_are_as_promised() -> None:
    assert (REQUEST_LIMIT, REPLY_LIMIT, MESSAGE_LIMIT) == (65_536, 2_097_152, 4_000)


@pytest.mark.parametrize("decode", [decode_reply, decode_ticks])
def test_a_reply_over_its_limit_is_not_read(decode: object) -> None:
    with pytest.raises(msgspec.DecodeError, match="over the limit"):
        decode(b" " * (REPLY_LIMIT + 1))  # type: ignore[operator]


def test_an_error_comes_back_as_it_was_raised() -> None:
    error = ToolError("ambiguous_contract", "Which one?", candidates=[{"conId": 1}], wait_s=1.5)

    with pytest.raises(ToolError) as caught:
        result_of(decode_reply(encode_error("f-1", error)))

    assert (caught.value.code, caught.value.message) == ("ambiguous_contract", "Which one?")
    assert caught.value.details == {"candidates": [{"conId": 1}], "wait_s": 1.5}


def test_an_error_always_gets_across() -> None:
    long = decode_reply(encode_error("f-1", ToolError("internal", "x" * 10_000)))
    no_json = decode_reply(encode_error("f-1", ToolError("internal", "y", cause=object())))
    too_big = decode_reply(encode_error("f-1", ToolError("internal", "z", text="x" * REPLY_LIMIT)))

    assert long.message == "x" * MESSAGE_LIMIT
    assert (no_json.message, no_json.details) == ("y", {})
    assert (too_big.message, too_big.details) == ("z", {})
    assert not long.ok


def test_details_named_like_the_errors_own_parts_do_no_harm() -> None:
    reply = Reply(VERSION, "f-1", False, code="a", message="b", details={"code": 1, "message": 2, "other": 3})

    with pytest.raises(ToolError) as caught:
        result_of(reply)

    assert (caught.value.code, caught.value.message, caught.value.details) == ("a", "b", {"other": 3})


def test_the_digest_is_of_what_is_meant_and_not_of_how_it_is_said() -> None:
    plain = digest_of(PLACE_ORDER, order())

    assert len(plain) == 64
    assert plain == digest_of(PLACE_ORDER, order(orderType="MKT", tif="DAY", exchange="SMART"))
    assert plain == digest_of(PLACE_ORDER, order(idempotencyKey="a-key-of-mine"))
    assert plain == digest_of(PLACE_ORDER, order(confirmationToken="t", duplicateOf="a-key-of-mine"))
    assert plain != digest_of(PLACE_ORDER, order(totalQuantity=2))
    assert plain != digest_of(PLACE_ORDER, order(action="SELL"))
    cancel = CancelOrder(orderId=1)
    assert digest_of(OPERATIONS["cancel_order"], cancel) != digest_of(PLACE_ORDER, cancel)
