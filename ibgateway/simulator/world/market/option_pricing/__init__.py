"""Options: Black-Scholes, volatility, quotes."""
