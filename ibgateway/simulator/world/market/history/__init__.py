"""The past: bars, daily rows, ticks, and what users see of it."""
