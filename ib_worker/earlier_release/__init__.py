"""The orders of an earlier release: what became of them, by the audit log."""
