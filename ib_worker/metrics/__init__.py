"""The worker's metrics: its table, and what the rows read."""
