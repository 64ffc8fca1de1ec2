"""What things cost, measured against the running stack."""
