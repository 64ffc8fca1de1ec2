"""One order: its types, activation, conditions and lifecycle."""
