import msgspec

import bridge.tools.orders  # noqa: F401 - the declarations fill the registry
from bridge.bus.messages import VERSION, Request, decode_reply
from bridge.bus.records.take_over import JudgedRecord, UnownedRecord, unclear
from bridge.order_references import order_ref


def unowned(op: str) -> UnownedRecord:
    request = Request(
        VERSION, "a", op, msgspec.Raw(b'{"orderId":5}'), "f1", 2**52, "claude", "r-1", "a-key-of-it", "dg"
    )
    return UnownedRecord("a-key-of-it", "done", "a", "dg", request, b"forged")


def test_a_placing_of_which_a_front_alone_tells_is_answered_as_unknown() -> None:
    judged = unclear(unowned("place_order"))
    reply = decode_reply(judged.reply)

    assert (judged.state, judged.certain, reply.code) == ("done", False, "not_confirmed")
    assert order_ref("a-key-of-it") in reply.message
    assert (judged.request.caller, judged.request.until, bytes(judged.request.args)) == ("claude", 0, b"{}")


def test_a_cancel_is_free_to_run_again() -> None:
    assert unclear(unowned("cancel_order")).state == "free"


def test_an_unreadable_request_belongs_to_nobody() -> None:
    assert unclear(UnownedRecord("a-key-of-it", "accepted", "a", "dg", None)).request.caller == ""


def test_an_accepted_record_has_no_answer() -> None:
    asked = unowned("place_order").request
    assert asked is not None
    fields = JudgedRecord("a-key-of-it", "accepted", asked, notes={"n": "1"})

    assert not {"res", "t_done"} & set(fields.fields()[::2])
    assert fields.fields()[-2:] == ["n:n", "1"]
