"""Takes the snapshots of the accounts: at each session's close, and when a worker starts."""
