"""Pacing of messages to TWS by caller, and the sharing of equal requests."""
