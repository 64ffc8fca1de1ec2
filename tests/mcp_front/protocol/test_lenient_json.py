"""JSON as some clients write it is read as far as its meaning is plain."""

import json
from typing import Any

import pytest

from mcp_front.protocol.lenient_json import LONGEST, AmbiguousObject, read_leniently


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        ('{"a":"\u00e4"}'.encode("utf-16"), {"a": "\u00e4"}),
        (b'{"a":"\xff"}', {"a": "\ufffd"}),
        (b'{"a":"\\ud83d"}', {"a": "\ud83d"}),
        (b'{"a":"one\ntwo"}', {"a": "one\ntwo"}),
        (b'{"a":-%b}' % (b"9" * 4300), {"a": "-" + "9" * 4300}),
        ('{"a":1}', {"a": 1}),
    ],
)
def test_what_is_plain_is_read(written: bytes | str, read: Any) -> None:
    assert read_leniently(written) == read


@pytest.mark.parametrize(
    ("written", "given"),
    [
        ('{"a":1,"b":2,"a":3}', {"a": [1, 3]}),
        ('{"a":1,"a":true}', {"a": [1, True]}),
        ('{"a":1,"a":1.0}', {"a": [1, 1.0]}),
        ('{"a":{},"a":{}}', {"a": [{}, {}]}),
    ],
)
def test_a_name_with_different_values_is_told_with_all_of_them(written: str, given: dict[str, list[Any]]) -> None:
    found = read_leniently(written)

    assert isinstance(found, AmbiguousObject)
    assert found.given == given


def test_a_name_with_one_value_twice_is_no_matter() -> None:
    found = read_leniently('{"a":"x","a":"x"}')

    assert (type(found), found) == (dict, {"a": "x"})


@pytest.mark.parametrize("written", [b"", b"hello", b"{}{}", b'{"a":', b"\xff\xfe"])
def test_what_is_no_json_stays_none(written: bytes) -> None:
    with pytest.raises(ValueError, match=r"Exp|Extra"):
        read_leniently(written)


def test_nesting_without_end_is_told_apart() -> None:
    with pytest.raises(RecursionError):
        read_leniently("[" * LONGEST)


def test_what_is_long_is_not_read() -> None:
    assert read_leniently(" " * (LONGEST - 2) + "{}") == {}
    with pytest.raises(ValueError, match="too long"):
        read_leniently(" " * (LONGEST - 1) + "{}")


def test_a_lenient_reader_reads_strict_json_as_it_is() -> None:
    value = {"a": [1, 2.5, None, True, {"b": "\u00e4\U0001f600"}], "c": -(2**70)}

    assert read_leniently(json.dumps(value)) == value
