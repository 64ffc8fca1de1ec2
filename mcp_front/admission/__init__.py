"""Who calls, and how much: tokens, rates, the fair queue."""
