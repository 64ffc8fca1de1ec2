"""What became of the orders of an earlier release, by the audit log."""
