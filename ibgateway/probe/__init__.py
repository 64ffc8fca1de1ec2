"""Asks a gateway whether it answers, and its log how far its login is."""
