"""The handlers behind the operator's console."""
