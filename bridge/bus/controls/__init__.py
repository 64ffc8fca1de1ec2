"""What the operator and the audit need: kill switch, approvals, confirmation tokens, audit log."""
