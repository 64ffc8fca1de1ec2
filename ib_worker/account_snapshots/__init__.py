"""Takes the snapshots of the accounts: at each session's close, and when a worker starts; and
samples their net liquidation once a minute."""
