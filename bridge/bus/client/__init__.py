"""The front's side of the bus."""
