"""Announcements of the gateway that ask somebody to act by a day, such as an upgrade. Pure.

TWS sends them as errors about no request. Code 2172 says from which day on this release is desupported, and which
release is the oldest that is supported then. Other codes are recognised by their text: it asks for an upgrade, or says
that something ends on a day.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ib_worker.session_state.state import CLIENT_ID_IN_USE, DATA_KEPT, DATA_LOST, FARM_NEWS, LINK_LOST
from ib_worker.tws.values.text import tws_said

DESUPPORTED = 2172
MUST_UPGRADE = frozenset({DESUPPORTED, 503})  # 503: "The TWS is out of date and must be upgraded."
OF_THE_SESSION = frozenset({*FARM_NEWS, *LINK_LOST, DATA_LOST, DATA_KEPT, CLIENT_ID_IN_USE})  # they have states
KEPT = timedelta(hours=25)  # TWS sends it at every login, and logs in once a day: an upgraded gateway sends it no more
MOST = 20  # kept at a time

_ASKS = re.compile(
    r"desupport|(?:no longer|not) (?:be )?support|out of date|outdated|end[- ]of[- ]life|deprecat|obsolete"
    r"|must (?:be )?(?:upgrade|update)|(?:please|need to|have to) (?:upgrade|update)|upgrade (?:to|by|before|your|is)"
    r"|minimum (?:supported )?version",
    re.IGNORECASE,
)
_ENDS = re.compile(
    r"expir|retire|discontinu|sunset|will (?:be |end|stop|cease)|before|by\b|until|after|from|starting|effective|as of",
    re.IGNORECASE,
)
_RELEASE = re.compile(
    r"(?<![\d.])(10)(\d\d)\.(\d{1,2}[a-z]?)(?![\d.])|(?<![\d.])(10\.\d{1,2}(?:\.\d{1,2}[a-z]?)?)(?![\d.])"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"({'|'.join(_MONTHS)})[a-z]*\.?"


def _named(text: str) -> int:
    return _MONTHS.index(text[:3].lower()) + 1


_DATES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], date]], ...] = (
    (re.compile(r"(?<!\d)(20\d\d)(\d\d)(\d\d)(?!\d)"), lambda m: date(int(m[1]), int(m[2]), int(m[3]))),
    (re.compile(r"(?<!\d)(20\d\d)[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)"), lambda m: date(int(m[1]), int(m[2]), int(m[3]))),
    (re.compile(r"(?<!\d)(\d{1,2})/(\d{1,2})/(20\d\d)(?!\d)"), lambda m: date(int(m[3]), int(m[1]), int(m[2]))),
    (
        re.compile(rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?[ -]{_MONTH},?[ -](20\d\d)(?!\d)", re.IGNORECASE),
        lambda m: date(int(m[3]), _named(m[2]), int(m[1])),
    ),
    (
        re.compile(rf"\b{_MONTH} (\d{{1,2}})(?:st|nd|rd|th)?,? (20\d\d)(?!\d)", re.IGNORECASE),
        lambda m: date(int(m[3]), _named(m[1]), int(m[2])),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Announcement:
    """One announcement, when it was last said, and the day that it names."""

    code: int
    text: str
    at: datetime
    due: date | None
    release: str | None  # the oldest release that is supported from that day on, as far as the text tells
    upgrade: bool  # it asks for a newer release of the gateway


def announcement(code: int, text: str, at: datetime) -> Announcement | None:
    """The announcement that this error about no request is, or None."""
    if code in OF_THE_SESSION:
        return None
    upgrade = code in MUST_UPGRADE or _ASKS.search(text) is not None
    due = next(_days(text), None)
    if not upgrade and (due is None or due < at.date() or _ENDS.search(text) is None):
        return None
    return Announcement(code, text, at, due, _release(text) if upgrade else None, upgrade)


def announcement_text(found: Announcement, now: datetime) -> str:
    """The announcement in TWS's words, with the day that it names and how far off that is."""
    words = tws_said(found.code, found.text)
    if found.due is None:
        return words
    left = (found.due - now.date()).days
    day = f"{found.due:%d %B %Y}".lstrip("0")
    if left < 0:
        return f"{words} That day, {day}, has passed."
    return f"{words} That is {day}, " + ("today." if left == 0 else f"in {left} day{'' if left == 1 else 's'}.")


def remedy(found: Announcement) -> str:
    if not found.upgrade:
        return "Read the message, and do what it asks before that day."
    oldest = f" to {found.release} or newer" if found.release else ""
    by = f" before {found.due:%Y-%m-%d}" if found.due else ""
    return (
        f"Upgrade TWS or IB Gateway{oldest}{by}; docs/upgrading-the-gateway.md has the steps. The warning ends a day "
        "after TWS last sent it."
    )


class Announcements:
    """The gateway's announcements, the newest of each kind; one that is not repeated for a day is dropped."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str], Announcement] = {}

    def hear(self, code: int, text: str, at: datetime) -> bool:
        """Return whether the message is an announcement."""
        found = announcement(code, text, at)
        if found is None:
            return False
        self._kept.pop((code, text), None)
        self._kept[code, text] = found
        while len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]
        return True

    def current(self, now: datetime) -> list[Announcement]:
        """Those of the last day, the nearest date first."""
        self._kept = {key: each for key, each in self._kept.items() if now - each.at < KEPT}
        return sorted(self._kept.values(), key=lambda each: (each.due is None, each.due or date.max))

    def forget(self) -> None:
        """Another gateway is used from now on."""
        self._kept.clear()


def _days(text: str) -> Iterator[date]:
    for pattern, read in _DATES:
        for match in pattern.finditer(text):
            try:
                yield read(match)
            except ValueError:  # such as 20261399
                continue


def _release(text: str) -> str | None:
    """The release that the text names last: TWS writes 10.50.1 as 1050.1."""
    found = list(_RELEASE.finditer(text))
    if not found:
        return None
    match = found[-1]
    return match[4] or f"{match[1]}.{match[2]}.{match[3]}"
