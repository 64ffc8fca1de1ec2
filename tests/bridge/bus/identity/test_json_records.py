"""A hash of records as JSON is read with damaged ones among them."""

import msgspec
import pytest

from bridge.bus.identity.json_records import decoded_hash


class Row(msgspec.Struct):
    number: int


def test_each_record_has_its_name() -> None:
    assert decoded_hash([b"a", b'{"number":1}', b"b", b'{"number":2}'], Row) == ({"a": Row(1), "b": Row(2)}, 0)


@pytest.mark.parametrize(
    ("name", "record"),
    [
        (b"b", b"not JSON"),
        (b"b", b'{"number":"two"}'),
        (b"b", b"[" * 100_000),
        (b"\xff", b'{"number":2}'),
    ],
)
def test_a_record_that_can_not_be_read_is_counted_and_hides_no_other(name: bytes, record: bytes) -> None:
    assert decoded_hash([b"a", b'{"number":1}', name, record], Row) == ({"a": Row(1)}, 1)
