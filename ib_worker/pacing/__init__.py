"""Who may send how much to TWS, and which requests are shared."""
