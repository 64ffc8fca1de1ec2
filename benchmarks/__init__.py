"""The cost of things, measured against the running stack."""
