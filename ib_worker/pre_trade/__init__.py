"""Everything that an order or a change must pass before it is sent, and the facts for that."""
