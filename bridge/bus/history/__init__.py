"""The account's past in Redis: snapshots of accounts, executions with their commissions, and deposits."""
