"""The gateway's clock against this machine's. Pure."""

from datetime import datetime, timedelta

from ib_worker.tws.values import time_zones

OTHER_DATE = timedelta(hours=1)  # no machine that IBKR lets in is so far off: such a gateway is a simulator
FORMAT = "%Y%m%d %H:%M:%S"


def ahead_of(greeting: str, here: datetime) -> timedelta:
    """Return how far the gateway's clock is ahead of `here` where it lives at another date, else nothing: this
    machine's clock is the finer one. `greeting` is the handshake's time, such as 20260302 09:00:00 US/Eastern."""
    day, _, rest = greeting.partition(" ")
    clock, _, name = rest.partition(" ")
    try:
        there = time_zones.instant(datetime.strptime(f"{day} {clock}", FORMAT), name)
    except ValueError:
        return timedelta(0)
    ahead = there - here if there is not None else timedelta(0)
    return ahead if abs(ahead) > OTHER_DATE else timedelta(0)
