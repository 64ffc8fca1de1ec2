"""The simulated world with no wire: calendar, instruments, market, exchange, account."""
