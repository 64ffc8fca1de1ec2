"""Takes the snapshots of the accounts at each session's close, and samples their net liquidation once a minute."""
