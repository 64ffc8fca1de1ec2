"""Changes one thing of the product at a time, and says whether a test turns red."""
