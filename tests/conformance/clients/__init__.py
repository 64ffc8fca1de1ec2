"""One script for each client library: it plays the same calls, and prints what its user gets as one line of JSON."""
