"""One pipelined connection, one pub/sub connection, and the clock of Redis."""
