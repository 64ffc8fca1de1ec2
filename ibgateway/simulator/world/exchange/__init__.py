"""Orders: what is accepted, how it is matched against the market, and what is told of it."""
