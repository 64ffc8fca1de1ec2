"""The prices that orders see: one contract's market, and a combination's."""
