"""Reasons why a step at Redis writes nothing, and how Redis names a key of another type."""

WRONG_TYPE = "WRONGTYPE"  # how Redis' error begins where a key holds something else


class Fenced(Exception):
    """Another worker holds the lease: whoever gets this must write nothing."""


class StaleRequest(Exception):
    """The caller has given up, or the request was delivered before: nothing may be done for it."""
