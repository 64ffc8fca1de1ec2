"""Positions and account updates."""
