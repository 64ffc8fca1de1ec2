"""The event log: what happened to the session and its orders, readable by cursor over every restart."""
