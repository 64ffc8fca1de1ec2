"""The stack that the doctor examines, and its findings: each fault comes with its fix."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["ok", "note", "fault"]


SKEW_S = 5.0  # more than this between two machines confuses logs and day limits
OTHER_TIME_S = 86_400.0  # no login succeeds with such a clock, so it is a simulator's own
ANSWER_S = 5.0
SET_CLOCK = "Set the machine's clock, and keep it by NTP (`timedatectl set-ntp true`)."


@dataclass(frozen=True)
class Place:
    """The stack to examine."""

    url: str
    token: str | None
    gateway: str | None
    redis: str | None  # None: nobody named one
    project: str


@dataclass(frozen=True)
class Finding:
    part: str
    kind: Kind
    told: str
    cure: str = ""


def clock_findings(whose: str, ahead_s: float) -> Iterator[Finding]:
    if abs(ahead_s) > OTHER_TIME_S:
        apart = f"{abs(ahead_s) / 86_400:.1f} days {'ahead' if ahead_s > 0 else 'behind'}"
        yield Finding("clock", "note", f"The clock of {whose} is {apart}: a simulator has a clock of its own.")
    elif abs(ahead_s) > SKEW_S:
        yield Finding("clock", "fault", f"The clock of {whose} is {ahead_s:+.0f} s from this machine's.", SET_CLOCK)
