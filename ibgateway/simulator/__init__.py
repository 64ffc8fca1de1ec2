"""A TWS without IBKR: clients log in, read a market of its own and trade on it."""
