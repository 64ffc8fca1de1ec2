"""One working order in the market: its types, activation, next event, fills and end."""
