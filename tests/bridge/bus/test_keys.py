"""Names in Redis: one slot for a session, and nothing in a name that breaks a key or a rule."""

import pytest

from bridge.bus.keys import Keys


def test_names_of_one_session_share_one_hash_tag() -> None:
    keys = Keys("paper-1.a_B")
    plain = [value for name, value in vars(keys).items() if name not in ("session", "_prefix")]
    names = [*plain, keys.replies("f-1"), keys.ticks("quote.1:x"), keys.order("key-00001")]

    assert all(name.startswith("ibkr:{paper-1.a_B}:") for name in names)
    assert len(set(names)) == len(names)
    assert keys.requests == "ibkr:{paper-1.a_B}:req"
    assert (names[-3], names[-2]) == ("ibkr:{paper-1.a_B}:rep:f-1", "ibkr:{paper-1.a_B}:tick:quote.1:x")
    assert names[-1] == "ibkr:{paper-1.a_B}:op:key-00001"


@pytest.mark.fault(101)
@pytest.mark.parametrize("session", ["", "a b", "a{b}", "x" * 33, "ä", "a\n", "a:b"])
def test_a_session_name_that_could_break_a_key_is_refused(session: str) -> None:
    with pytest.raises(ValueError, match=r"session: 1-32 of A-Z"):
        Keys(session)


@pytest.mark.fault(101)
@pytest.mark.parametrize("part", ["", "a b", "a{b}", "x" * 97, "ä", "a\n", "a/b"])
def test_a_part_that_could_break_a_key_is_refused(part: str) -> None:
    keys = Keys("x" * 32)
    for name in (keys.replies, keys.ticks, keys.order):
        with pytest.raises(ValueError, match=r"1-96 of A-Z"):
            name(part)
        assert name("x" * 96).endswith("x" * 96)
