"""The answer of a tool that returns a list: its bounds, its forms, and its summary."""
