"""JSON as some clients write it: with a byte order mark, a text that was cut within a character, a name given twice.

Pure. What a call that reduces risk means is read from it; every other call is held to strict JSON.
"""

import json
from collections import defaultdict
from typing import Any

MOST_DIGITS = 4300  # that Python reads as one number
LONGEST = 64 * 1024  # bytes: of 4 MiB it would take a second of the front's thread


class AmbiguousObject(dict[str, Any]):
    """An object that gives a name different values: it has the last one, and `given` has all of them by name."""

    def __init__(self, found: dict[str, Any], given: dict[str, list[Any]]) -> None:
        super().__init__(found)
        self.given = given


def read_leniently(body: bytes | str) -> Any:
    """Return the value. Bad UTF-8 is U+FFFD, and a number of thousands of digits its text. Raises ValueError where it
    is no JSON for other reasons or longer than LONGEST, and RecursionError."""
    if len(body) > LONGEST:
        raise ValueError("too long to be read leniently")
    text = body if isinstance(body, str) else body.decode(json.detect_encoding(body), errors="replace")
    return _DECODER.decode(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    every: defaultdict[str, list[Any]] = defaultdict(list)
    for name, value in pairs:
        every[name].append(value)
    given = {name: values for name, values in every.items() if any(_differs(values[0], each) for each in values[1:])}
    return AmbiguousObject(found, given) if given else found


def _differs(one: Any, other: Any) -> bool:
    """Return whether two values are not the same. Objects and arrays count as different: to compare them takes long."""
    return isinstance(one, dict | list) or type(one) is not type(other) or one != other


def _number(text: str) -> int | str:
    return int(text) if len(text) <= MOST_DIGITS else text


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_number, strict=False)
