"""Order records, and what a placement must pass when it is accepted."""
