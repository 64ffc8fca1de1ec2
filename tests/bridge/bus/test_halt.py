"""A set kill switch as its record has it: whatever is damaged in it, it is set."""

import pytest

from bridge.bus.halt import LATEST_MS, LONGEST_REASON, Halt, Level, halt_of


def test_a_record_is_read_as_it_was_written() -> None:
    halt = halt_of([b"reduce_only", b"desk", b"too fast", b"1749652200000"])

    assert halt == Halt("reduce_only", "desk", "too fast", 1_749_652_200_000)
    assert halt.told() == 'reduce_only by desk since 2025-06-11 14:30:00 UTC (server clock): "too fast"'


@pytest.mark.parametrize("level", [None, b"", b"halt", b"REDUCE_ONLY", b"\xff"])
def test_a_level_that_is_none_is_a_halt(level: bytes | None) -> None:
    assert halt_of([level, None, None, None]).level == "halt"


@pytest.mark.parametrize("since_ms", [None, b"soon", b"-5", b"9" * 400])
def test_a_switch_without_its_particulars_says_that_they_are_unknown(since_ms: bytes | None) -> None:
    halt = halt_of([b"halt", b"", b"", since_ms])

    assert halt.told() == "halt by an unknown caller since an unknown time: no reason given"


def test_the_latest_time_that_can_be_told_is_told() -> None:
    later = b"%d" % (LATEST_MS + 1)

    assert "9999-12-31 23:59:59" in halt_of([b"halt", b"a", b"b", later]).told()


def test_a_reason_is_one_line_of_bounded_length() -> None:
    reason = halt_of([b"halt", b"a", b"x\n" * 500, b"0"]).reason

    assert "\n" not in reason
    assert len(reason) == LONGEST_REASON


def test_a_front_without_tokens_is_named_as_what_it_is() -> None:
    halt = Halt("halt", "local", "", 0)

    assert halt.told() == "halt by local (a client without a token) since an unknown time: no reason given"


@pytest.mark.parametrize(
    ("level", "refuses"),
    [
        (
            "halt",
            "no new order and no change is sent, not even one that closes a position; cancels are still allowed",
        ),
        ("reduce_only", "only orders and changes that reduce a position are sent; cancels are still allowed"),
    ],
)
def test_a_level_says_what_it_refuses(level: Level, refuses: str) -> None:
    assert Halt(level, "", "", 0).refuses() == refuses
