"""Orders: their acceptance, their matching against the market, and their events."""
