"""The tape: calls, orders, fills and profits of a session as they happen."""
