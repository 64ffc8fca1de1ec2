"""Who leads a session: the lease, the leader's file, fail-over signals, known sessions."""
