"""A symbol's trading days: recorded, drawn, or the user's own."""
