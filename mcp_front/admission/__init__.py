"""Admission of callers: bearer tokens, rate limits, load shedding, the fair queue."""
