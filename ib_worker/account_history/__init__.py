"""The account's past: what is recorded, the archive of it, and what is told of it."""
