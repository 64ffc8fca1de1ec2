"""Identifies the order that a call names, and tells whether two orders are the same."""
