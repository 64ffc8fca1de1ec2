"""What is written down about orders, and read back."""
