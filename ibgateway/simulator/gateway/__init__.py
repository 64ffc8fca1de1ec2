"""One gateway and its API connections: handshake, limits, quote feeds, ticks."""
