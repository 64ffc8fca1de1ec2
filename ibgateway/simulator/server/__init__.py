"""Sockets and the clock: the listener, a client's socket, the control port, the journal."""
