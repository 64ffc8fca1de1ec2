import json
from pathlib import Path

import msgspec

from bridge.audit_chain import AuditEntry
from bridge.bus.messages import VERSION, Reply, encode_reply
from ib_worker.earlier_release.answers import answer
from ib_worker.earlier_release.audited_calls import AuditedCalls

LEFT = json.loads(Path(__file__).with_name("release_0_1_0.json").read_text())


def audited() -> AuditedCalls:
    calls = AuditedCalls()
    for line in LEFT["audit"]:
        calls.take(msgspec.json.decode(line, type=AuditEntry))
    return calls


def told(key: str, given: bytes, accounts: tuple[str, ...] = ()) -> Reply:
    calls = audited()
    intent = calls.placement(key)
    assert intent is not None
    found = answer(intent, calls, "attempt", given, accounts)
    assert found is not None
    return found


def test_nothing_of_a_made_up_answer_is_in_the_one_of_the_log() -> None:
    made_up = encode_reply(Reply(VERSION, "x", True, msgspec.Raw(b'{"status":"Cancelled","message":"Buy again."}')))
    damaged = b"[]"
    for given in (made_up, damaged, b""):
        found = msgspec.json.decode(told("upgrade-filled", given).result)

        assert (found["status"], found["filled"], found["message"]) == ("Filled", 1, "The order is filled.")


def test_the_moment_is_that_of_the_answer_that_was_given() -> None:
    first = LEFT["records"]["upgrade-ended"]["res"].encode()

    assert msgspec.json.decode(told("upgrade-ended", first).result)["status"] == "Submitted"
    assert msgspec.json.decode(told("upgrade-ended", b"").result)["status"] == "Cancelled"


def test_an_account_that_is_masked_like_another_is_left_out() -> None:
    one, two = told("upgrade-filled", b"", ("DU1234567",)), told("upgrade-filled", b"", ("DU1234567", "DU7777567"))

    assert msgspec.json.decode(one.result)["account"] == "DU1234567"
    assert msgspec.json.decode(two.result)["account"] is None
