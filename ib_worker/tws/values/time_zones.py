"""The zone that a gateway names behind a time: one of tzdata, or unknown and said to be. Pure.

A gateway is a Java program and writes the name that its machine's zone has there: tzdata's ("US/Eastern"), Windows'
("Tokyo Standard Time"), CLDR's in English or in the machine's language ("Japan Standard Time"), an abbreviation, or an
offset ("GMT+02:00"). A name that may mean zones of different offsets at that time means none: a time that is hours off
is worse than no time.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from ib_worker.tws.values.windows_zones import WINDOWS

TIME_FORMAT = "%Y%m%d %H:%M:%S"


# CLDR's long names of zones (metaZones, en), without their last words: Standard, Daylight or Summer Time.
LONG_NAMES: dict[str, tuple[str, ...]] = {
    "Eastern": ("America/New_York",),
    "Central": ("America/Chicago",),
    "Mountain": ("America/Denver",),
    "Pacific": ("America/Los_Angeles",),
    "Alaska": ("America/Anchorage",),
    "Hawaii-Aleutian": ("Pacific/Honolulu",),
    "Hawaii": ("Pacific/Honolulu",),
    "Atlantic": ("America/Halifax", "America/Puerto_Rico"),
    "Newfoundland": ("America/St_Johns",),
    "Greenwich Mean": ("Europe/London", "Etc/UTC"),
    "British": ("Europe/London",),
    "Irish": ("Europe/Dublin",),
    "Western European": ("Europe/Lisbon",),
    "Central European": ("Europe/Berlin",),
    "Middle Europe": ("Europe/Berlin",),
    "Eastern European": ("Europe/Athens", "Europe/Kaliningrad"),
    "Moscow": ("Europe/Moscow",),
    "Turkey": ("Europe/Istanbul",),
    "Israel": ("Asia/Jerusalem",),
    "Arabian": ("Asia/Riyadh", "Asia/Dubai"),
    "Gulf": ("Asia/Dubai",),
    "Pakistan": ("Asia/Karachi",),
    "India": ("Asia/Kolkata",),
    "Nepal": ("Asia/Kathmandu",),
    "Bangladesh": ("Asia/Dhaka",),
    "Indochina": ("Asia/Bangkok",),
    "Western Indonesia": ("Asia/Jakarta",),
    "China": ("Asia/Shanghai",),
    "Hong Kong": ("Asia/Hong_Kong",),
    "Taipei": ("Asia/Taipei",),
    "Malaysia": ("Asia/Kuala_Lumpur",),
    "Singapore": ("Asia/Singapore",),
    "Philippine": ("Asia/Manila",),
    "Japan": ("Asia/Tokyo",),
    "Korean": ("Asia/Seoul",),
    "Korea": ("Asia/Seoul",),
    "Australian Western": ("Australia/Perth",),
    "Australian Central": ("Australia/Adelaide", "Australia/Darwin"),
    "Australian Eastern": ("Australia/Sydney", "Australia/Brisbane"),
    "New Zealand": ("Pacific/Auckland",),
    "South Africa": ("Africa/Johannesburg",),
    "East Africa": ("Africa/Nairobi",),
    "West Africa": ("Africa/Lagos",),
    "Brasilia": ("America/Sao_Paulo",),
    "Argentina": ("America/Argentina/Buenos_Aires",),
    "Argentine": ("America/Argentina/Buenos_Aires",),
    "Chile": ("America/Santiago",),
    "Colombia": ("America/Bogota",),
    "Peru": ("America/Lima",),
    "Coordinated Universal": ("Etc/UTC",),
}
# The same in languages of machines that gateways run on (CLDR: zh, zh_Hant, ja, ko, de, fr, es, it).
OTHER_LANGUAGES = {
    "中国标准时间": "Asia/Shanghai", "中國標準時間": "Asia/Shanghai", "中国时间": "Asia/Shanghai",
    "香港标准时间": "Asia/Hong_Kong", "香港標準時間": "Asia/Hong_Kong", "香港時間": "Asia/Hong_Kong",
    "台北标准时间": "Asia/Taipei", "台北標準時間": "Asia/Taipei", "新加坡标准时间": "Asia/Singapore",
    "新加坡標準時間": "Asia/Singapore", "日本標準時": "Asia/Tokyo", "日本标准时间": "Asia/Tokyo",
    "中国標準時": "Asia/Shanghai", "韩国标准时间": "Asia/Seoul",
    "대한민국 표준시": "Asia/Seoul", "한국 표준시": "Asia/Seoul",
    "北美东部标准时间": "America/New_York", "北美东部夏令时间": "America/New_York", "東部標準時": "America/New_York",
    "アメリカ東部標準時": "America/New_York", "アメリカ東部夏時間": "America/New_York",
    "Mitteleuropäische Zeit": "Europe/Berlin", "Mitteleuropäische Normalzeit": "Europe/Berlin",
    "Mitteleuropäische Sommerzeit": "Europe/Berlin", "heure normale d’Europe centrale": "Europe/Paris",
    "heure d’été d’Europe centrale": "Europe/Paris", "hora estándar de Europa central": "Europe/Madrid",
    "hora de verano de Europa central": "Europe/Madrid", "Ora standard dell’Europa centrale": "Europe/Rome",
    "Ora legale dell’Europa centrale": "Europe/Rome",
}  # fmt: skip
# Hours from UTC of abbreviations that are no name of tzdata and have one meaning. CST, IST, BST and AST have several.
ABBREVIATIONS = {
    "UTC": 0, "Z": 0, "JST": 9, "KST": 9, "HKT": 8, "SGT": 8, "AWST": 8, "AEDT": 11, "NZST": 12, "NZDT": 13, "MSK": 3,
    "SAST": 2, "CEST": 2, "EEST": 3, "WEST": 1, "EDT": -4, "CDT": -5, "MDT": -6, "PDT": -7, "PST": -8, "AKST": -9,
    "AKDT": -8, "BRT": -3, "ICT": 7, "WIB": 7,
}  # fmt: skip
_OFFSET = re.compile(r"(?:GMT|UTC)?([+-])(\d{1,2})(?::?(\d\d))?")
_LAST_WORDS = re.compile(r"(?: (?:standard|daylight|summer))? time$")


def zone(name: str | None) -> tzinfo | None:
    """The one zone that a name means; None for an unknown one and for one that may mean several."""
    found = _meanings((name or "").strip())
    return found[0] if len(found) == 1 else None


def instant(local: datetime, name: str) -> datetime | None:
    """The instant of a local time, in UTC, if all that its zone's name may mean agree on it. A time that the clock
    shows twice, when summer time ends, is none: TWS does not say which of the two it is."""
    offsets = {local.replace(tzinfo=each, fold=fold).utcoffset() for each in _meanings(name.strip()) for fold in (0, 1)}
    if len(offsets) != 1 or (offset := offsets.pop()) is None:
        return None
    return (local - offset).replace(tzinfo=UTC)


@cache
def _meanings(name: str) -> tuple[tzinfo, ...]:
    key = name.casefold()
    if key in _by_key() and key not in _AMBIGUOUS:
        return (ZoneInfo(_by_key()[key]),)
    if key.upper() in ABBREVIATIONS:
        return (_fixed(timedelta(hours=ABBREVIATIONS[key.upper()])),)
    if match := _OFFSET.fullmatch(name):
        away = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        return (_fixed(away if match[1] == "+" else -away),) if away <= timedelta(hours=14) else ()
    return tuple(ZoneInfo(each) for each in _long_names().get(_LAST_WORDS.sub("", key), _named().get(key, ())))


_AMBIGUOUS = frozenset({"greenwich", "cuba", "factory", "localtime", "posixrules"})  # of tzdata, and no zone to write


@cache
def _by_key() -> dict[str, str]:
    """tzdata's names by their letters in lower case: some machines write them so."""
    return {each.casefold(): each for each in available_timezones()}


@cache
def _long_names() -> dict[str, tuple[str, ...]]:
    return {each.casefold(): zones for each, zones in LONG_NAMES.items()}


@cache
def _named() -> dict[str, tuple[str, ...]]:
    names = {**WINDOWS, **OTHER_LANGUAGES}
    return {each.casefold(): (zone,) for each, zone in names.items()}


def _fixed(away: timedelta) -> tzinfo:
    return timezone(away) if away else UTC


def utc_time(written: str, gateway_zone: str) -> str | None:
    """An execution's time as TWS writes it, "20260413 15:27:04 US/Eastern", told in UTC. Without a zone it is in the
    gateway's own; "20260413-15:27:04" and epoch seconds are UTC already. None where the zone is not known."""
    parts = written.split(maxsplit=2)
    if len(parts) < 2:
        return written
    day, clock, *named = parts
    local = datetime.strptime(f"{day} {clock}", TIME_FORMAT)  # the zone comes next
    at = instant(local, named[0] if named else gateway_zone)
    return None if at is None else f"{at:{TIME_FORMAT}} UTC"
