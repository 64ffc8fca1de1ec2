"""The waits of the bus in tests: a machine that stands still for seconds breaks no connection to the shared server."""

from dataclasses import replace

from bridge.bus.timing import USUAL, BusTiming

SHARED = "redis-of-the-run"  # in the path of the server that the fixture `redis_url` starts

# For a server that never goes away, and workers that release their leases: who gives one of them up is wrong.
PATIENT = replace(USUAL, connect_s=20, answer_s=20, confirm_s=20, front_answer_s=20, lease_s=20)


def patient(**changes: float) -> BusTiming:
    """Return the patient waits, and these in place of theirs."""
    return replace(PATIENT, **changes)


def waits_at(url: str) -> BusTiming:
    """Return the waits for this server: the product's own where a test may kill, freeze or cut it off."""
    return PATIENT if SHARED in url else USUAL
