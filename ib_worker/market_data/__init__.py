"""Quote subscriptions, quotes, contract look-up."""
