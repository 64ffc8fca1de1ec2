"""The orders and executions there are, and the conditions that orders wait for."""
