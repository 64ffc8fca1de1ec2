"""The gateway's messages: one function for each message id, which returns the payload."""
