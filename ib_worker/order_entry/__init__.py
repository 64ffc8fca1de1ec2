"""What an order that leaves is made of: what was asked for, and which orders belong together."""
