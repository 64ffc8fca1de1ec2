"""The audit trail of orders: written, read back and replayed."""
