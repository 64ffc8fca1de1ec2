"""Contains the tool that closes positions: one order of its own for each."""
