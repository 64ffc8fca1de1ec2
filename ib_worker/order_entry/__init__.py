"""Sending, changing and cancelling orders, and the wait for their outcome."""
