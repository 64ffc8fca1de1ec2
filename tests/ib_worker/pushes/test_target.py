"""The operator's targets as ALERT_TARGETS names them."""

import pytest

from ib_worker.pushes.target import AlertTarget, read_targets


def test_targets_have_a_name_and_an_address_that_may_have_commas() -> None:
    found = read_targets("desk=https://example.com/a?b=1,2, phone=ntfys://ntfy.sh/topic")

    assert isinstance(found, tuple)
    assert [(each.name, each.scheme) for each in found] == [("desk", "https"), ("phone", "ntfys")]
    assert [each.address.get_secret_value() for each in found] == [
        "https://example.com/a?b=1,2",
        "ntfys://ntfy.sh/topic",
    ]
    assert "example.com" not in repr(found)
    assert read_targets("") == ()
    assert read_targets((AlertTarget,)) == (AlertTarget,)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("https://example.com/secret", "name=address is expected"),
        ("Desk=https://example.com/secret", "name=address is expected"),
        ("desk=file:///tmp/secret", "the scheme file is not let in"),
        ("desk=json://example.com/secret", "the scheme json is not let in"),
        ("desk=exec://secret", "the scheme exec is not let in"),
        ("a=https://x/secret,a=https://y/secret", "a name of its own"),
        (",".join(f"t{each}=https://x/secret" for each in range(17)), "17 targets are given, 16 at most"),
    ],
)
def test_what_is_no_target_is_refused_without_its_address(written: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refused:
        read_targets(written)

    assert "secret" not in str(refused.value)
