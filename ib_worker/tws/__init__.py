"""The connection to TWS, and what TWS writes."""
