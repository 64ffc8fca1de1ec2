"""What can be traded: the catalogue, derivatives made from it, look-up, and the details that TWS tells."""
