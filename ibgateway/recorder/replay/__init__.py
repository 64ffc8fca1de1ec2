"""Replay of a recorded session to a client."""
