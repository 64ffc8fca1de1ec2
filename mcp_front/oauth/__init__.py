"""The front as a resource that clients sign in for by OAuth: its metadata, challenges, and tokens of others."""
