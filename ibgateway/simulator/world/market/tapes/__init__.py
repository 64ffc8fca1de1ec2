"""A span's prints and quotes, drawn from the seed."""
