"""One table for each package: its rooms, and which of its other rooms each may import."""
