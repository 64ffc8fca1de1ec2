"""The worker's side of the bus."""
