"""The client of each request: its proof, and what its rights allow."""
