"""Leadership of a session: the lease, the leader file, fail-over signals, known sessions."""
