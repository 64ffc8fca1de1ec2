"""The event log and the kept streams, read by cursor over every restart; the handles of streams."""
