"""The drafts of events for the session's event log."""
