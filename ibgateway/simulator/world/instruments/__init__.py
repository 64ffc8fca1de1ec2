"""Instruments: the catalogue, derivatives made from it, look-up, and contract details."""
