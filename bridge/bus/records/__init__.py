"""Order records, and the rules that a placement must pass when it is accepted."""
