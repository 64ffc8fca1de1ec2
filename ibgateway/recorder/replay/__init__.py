"""A recorded session answers a client."""
