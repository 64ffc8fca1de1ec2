"""The declarations of what is read from the market: contracts, quotes, history and streams."""
