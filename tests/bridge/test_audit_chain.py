"""The audit chain: whatever is edited, cut, reordered or inserted is found, and an untouched log is clean."""

import random

import msgspec
import pytest

from bridge.audit_chain import GENESIS, AuditEntry, ChainBreak, digest, encode, verify


def log(length: int, start: int = 1, prev: str = GENESIS) -> list[bytes]:
    lines = []
    for seq in range(start, start + length):
        line = encode(
            AuditEntry(seq=seq, prev=prev, at="2025-06-11T14:30:00Z", event="sent", key=f"key-{seq}", orderId=seq)
        )
        prev = digest(line)
        lines.append(line)
    return lines


def head(lines: list[bytes]) -> tuple[int, str]:
    return msgspec.json.decode(lines[-1], type=AuditEntry).seq, digest(lines[-1])


def test_an_untouched_log_is_clean() -> None:
    lines = log(50)

    assert list(verify(lines, head(lines))) == []


def test_an_empty_log_is_clean_only_if_nothing_was_written() -> None:
    assert list(verify([], (0, GENESIS))) == []
    assert list(verify([], (3, "a" * 64))) == [ChainBreak(3, "the log ends at 0, but 3 entries were written")]


@pytest.mark.fault(107)
@pytest.mark.parametrize("at", [0, 7, 18])
def test_an_edited_entry_is_found_at_the_next_one(at: int) -> None:
    lines = log(20)
    lines[at] = lines[at].replace(b'"orderId":', b'"orderId":9')

    assert list(verify(lines, head(log(20)))) == [
        ChainBreak(at + 2, f"entry {at + 1} was changed after it was written")
    ]


@pytest.mark.fault(107)
def test_an_edited_last_entry_is_found_by_the_head() -> None:
    lines = log(20)
    last = head(lines)
    lines[-1] = lines[-1].replace(b'"sent"', b'"fill"')

    assert list(verify(lines, last)) == [ChainBreak(20, "the last entry was changed after it was written")]


@pytest.mark.fault(107)
def test_a_cut_end_is_found_by_the_head() -> None:
    lines = log(20)

    assert list(verify(lines[:15], head(lines))) == [ChainBreak(20, "the log ends at 15, but 20 entries were written")]


@pytest.mark.fault(107)
def test_a_removed_entry_is_found() -> None:
    lines = log(20)

    assert list(verify(lines[:5] + lines[6:], head(lines))) == [ChainBreak(7, "follows entry 5")]


@pytest.mark.fault(107)
def test_swapped_entries_are_found() -> None:
    lines = log(20)
    lines[4], lines[5] = lines[5], lines[4]

    assert [broken.seq for broken in verify(lines, head(log(20)))] == [6, 5, 7]


def test_a_line_that_is_no_entry_is_found() -> None:
    lines = log(3)
    lines[1] = b"not json"

    found = list(verify(lines, head(log(3))))

    assert found[0].seq == 2
    assert "not an entry" in found[0].reason
    assert found[1] == ChainBreak(3, "entry 2 was changed after it was written")


def test_an_archived_beginning_is_taken_as_given() -> None:
    lines = log(100)

    assert list(verify(lines[60:], head(lines))) == []


def test_a_forged_first_entry_is_found() -> None:
    lines = log(3, prev="f" * 64)

    assert list(verify(lines)) == [ChainBreak(1, "the first entry does not begin the chain")]


def test_any_single_byte_changed_is_found() -> None:
    whole = log(12)
    last = head(whole)
    dice = random.Random(5)
    for _ in range(300):
        lines = list(whole)
        at = dice.randrange(len(lines))
        place = dice.randrange(len(lines[at]))
        changed = bytearray(lines[at])
        changed[place] ^= 1 << dice.randrange(7)
        lines[at] = bytes(changed)

        assert list(verify(lines, last)), (at, place)
