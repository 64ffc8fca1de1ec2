"""The extracts that the simulator ships: daily history, exchange calendars, instruments."""
