"""The past of a contract: requests to TWS for it, and what is worked out of their answers."""
