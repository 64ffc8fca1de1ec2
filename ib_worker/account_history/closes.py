"""The sessions at whose close an account's snapshot is taken. Pure.

A session is each weekday, and its close 16:00 New York. Holidays of NYSE count too: currencies, futures and markets of
other countries trade then, and a list of holidays would have to be kept up for ever.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
CLOSE = time(16)
# After it the closing auctions' prices are in, and TWS has refreshed the account, which it does every three minutes.
SETTLED = timedelta(minutes=5)
ON_TIME = timedelta(minutes=15)  # after that; a later snapshot is marked as late
SATURDAY = 5


def latest_close(now: datetime) -> date:
    """Return the latest session whose close has settled."""
    there = (now - SETTLED).astimezone(NEW_YORK)
    day = there.date() if there.time() >= CLOSE else there.date() - timedelta(days=1)
    while day.weekday() >= SATURDAY:
        day -= timedelta(days=1)
    return day


def close_of(day: date) -> datetime:
    return datetime.combine(day, CLOSE, NEW_YORK)


def is_late(day: date, now: datetime) -> bool:
    """Tell whether a snapshot that is taken now shows more than the close of that session."""
    return now > close_of(day) + SETTLED + ON_TIME
