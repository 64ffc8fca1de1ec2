"""Ticks that are read without ib_async are the ones that it reads, and what has another form is left to it."""

from typing import Any

import pytest

from ib_worker.tws.connection import StrictDecoder
from ib_worker.tws.ticks import took_tick


class Receiver:
    """Notes each message with its values."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def undecoded(self, fields: list[str]) -> None:
        self.heard.append(("undecoded", *fields))

    def __getattr__(self, name: str) -> Any:
        return lambda *values: self.heard.append((name, *values))


def frame(*fields: str) -> bytes:
    return "".join(f"{each}\0" for each in fields).encode()


@pytest.mark.parametrize(
    ("fields", "is_read_here"),
    [
        (("1", "6", "12", "1", "425.1", "300", "0"), True),
        (("1", "6", "12", "1", "-0.25", "0.5", "1"), True),
        (("1", "6", "12", "4", "-1", "0", "0"), True),
        (("1", "6", "12", "4", "2147483647", "0", "0"), True),
        (("2", "6", "12", "8", "14090000"), True),
        (("1", "6", "12", "1", "", "300", "0"), False),
        (("1", "6", "12", "4", "-1", "", "0"), False),
        (("1", "6", "12", "1", "1.7976931348623157E308", "300", "0"), False),
        (("1", "6", "12", "1", "NaN", "300", "0"), False),
        (("1", "6", "-1", "1", "5", "300", "0"), False),
        (("2", "6", "12", "8", ""), False),
        (("2", "6", "12", "8", "Infinity"), False),
        (("2", "6", "12"), False),
        (("45", "6", "12", "49", "0"), False),
        (("4", "2", "12", "200", "no", ""), False),
    ],
)
def test_a_tick_is_what_ib_async_makes_of_it(fields: tuple[str, ...], is_read_here: bool) -> None:
    fast, general, whole = Receiver(), Receiver(), Receiver()
    receivers: list[Any] = [general, whole]
    general_decoder, decoder = [StrictDecoder(each) for each in receivers]
    taken = took_tick(frame(*fields), fast)
    general_decoder.interpret(list(fields))
    decoder.take(frame(*fields))

    assert taken is is_read_here
    assert fast.heard == (general.heard if taken else [])
    assert whole.heard == general.heard


def test_a_text_that_nobody_reads_is_passed_over() -> None:
    receiver: Any = Receiver()
    StrictDecoder(receiver).take(frame("46", "6", "12", "45", "1750000000"))

    assert receiver.heard == []


def test_a_fault_of_a_receiver_is_reported_as_one_of_the_message() -> None:
    receiver: Any = Receiver()

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    receiver.tickSize = fail
    StrictDecoder(receiver).take(frame("2", "6", "12", "8", "5"))

    assert receiver.heard == [("undecoded", "2", "6", "12", "8", "5")]
