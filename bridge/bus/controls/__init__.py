"""Controls of the operator and the audit: kill switch, approvals, confirmation tokens, audit log."""
