"""Which order is meant, and whether two orders are the same."""
