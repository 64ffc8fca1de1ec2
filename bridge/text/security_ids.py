"""Numbers of securities, ISIN and CUSIP, told by their form and check digit. Pure.

Source: ISO 6166 for the ISIN, and CUSIP Global Services' page on the check digit.
"""

import re

_ISIN = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]")
_CUSIP = re.compile(r"[A-Z0-9*@#]{8}[0-9]")
_CUSIP_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*@#"  # the place of a letter is its value


def security_id_type(written: str) -> str | None:
    """Return ISIN or CUSIP for a number of that form with a right check digit; None for all else."""
    number = written.strip().upper()
    if is_isin(number):
        return "ISIN"
    return "CUSIP" if is_cusip(number) else None


def is_isin(number: str) -> bool:
    if not _ISIN.fullmatch(number):
        return False
    digits = "".join(str(int(each, 36)) for each in number)
    doubled = [int(each) * (2 if place % 2 else 1) for place, each in enumerate(reversed(digits))]
    return sum(_digit_sum(each) for each in doubled) % 10 == 0


def is_cusip(number: str) -> bool:
    if not _CUSIP.fullmatch(number):
        return False
    values = [_CUSIP_LETTERS.index(each) * (2 if place % 2 else 1) for place, each in enumerate(number[:8])]
    return (10 - sum(_digit_sum(each) for each in values) % 10) % 10 == int(number[8])


def _digit_sum(value: int) -> int:
    return value // 10 + value % 10
