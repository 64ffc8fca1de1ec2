"""The spelling of values on the wire: a gateway's output, and the texts that it accepts from a client."""

from __future__ import annotations

import math
import re
from decimal import Decimal

UNSET_DOUBLE = "1.7976931348623157E308"
UNSET_INTEGER = "2147483647"
UNSET_LONG = "9223372036854775807"
UNSET_DECIMAL = "-9223372036854775808"
MAX_EXPONENT = 18  # quantities beyond a long are no quantities

Value = str | int | float | Decimal | bool | None

# What clients send for "unset", in the spellings of Python, Java and JavaScript.
_UNSET_DOUBLES = frozenset({"", UNSET_DOUBLE, "1.7976931348623157e+308", "1.7976931348623157e308"})
_UNSET_INTEGERS = frozenset({"", UNSET_INTEGER})
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?")
_NON_ASCII = re.compile(r"[^\x01-\x7f]")


class BadText(ValueError):
    """A field whose text does not fit its type."""


def java_double(x: float | None) -> str:
    """Return a double as Java prints it: `0.0`, `255.4`, `1.0E7`; None is the unset double."""
    if x is None:
        return UNSET_DOUBLE
    if not math.isfinite(x):
        return "NaN" if math.isnan(x) else ("Infinity" if x > 0 else "-Infinity")
    if x == 0 or 1e-3 <= abs(x) < 1e7:
        return repr(float(x))
    sign, digits, exponent = Decimal(repr(float(x))).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    power = len(digits) - 1 + int(exponent)
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{power}"


def minimal(x: Decimal | float | int) -> str:
    """Return a number without extra digits: `1`, `-110`, `257.95`, `0`."""
    if isinstance(x, int):
        return str(x)
    value = x if isinstance(x, Decimal) else Decimal(repr(float(x)))
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"", "-0"} else text


def fixed(x: float, decimals: int) -> str:
    """Return a number with a fixed number of decimals: `255.40` for a contract that trades in cents."""
    return f"{x:.{decimals}f}"


def price(x: float, decimals: int) -> str:
    """Return a price; a midpoint may lie between two ticks, and then has one more digit."""
    return fixed(x, decimals + 1).removesuffix("0")


def spell(value: Value) -> str:
    """Return a field's text: a bool is 1 or 0, None is empty, a float a double, a Decimal minimal."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return java_double(value)
    return minimal(value)


def message(msgId: int, *fields: Value) -> bytes:
    """Return a frame's payload; every field ends in a zero byte."""
    text = "\0".join([str(msgId), *[clean(field) if isinstance(field, str) else spell(field) for field in fields], ""])
    return text.encode("ascii")


def clean(text: str) -> str:
    """Remove zero bytes and escape non-ASCII characters: since version 153 gateways write `\\u00e9` for é."""
    return text if text.isascii() and "\0" not in text else _NON_ASCII.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    if match[0] == "\0":
        return ""
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise BadText(f"an integer is expected, not {text[:40]!r}")
    return int(text)


def integer_or_none(text: str) -> int | None:
    return None if text in _UNSET_INTEGERS else integer(text)


def number(text: str) -> float:
    if not _NUMBER.fullmatch(text) or not math.isfinite(value := float(text)):
        raise BadText(f"a number is expected, not {text[:40]!r}")
    return value


def number_or_none(text: str) -> float | None:
    return None if text in _UNSET_DOUBLES else number(text)


def quantity(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text) or (value := Decimal(text)).adjusted() > MAX_EXPONENT:
        raise BadText(f"a quantity is expected, not {text[:40]!r}")
    return value


def flag(text: str) -> bool:
    if text not in {"", "0", "1"}:
        raise BadText(f"0 or 1 is expected, not {text[:40]!r}")
    return text == "1"
