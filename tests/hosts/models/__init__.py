"""Scripted models, in the wire forms of two makers."""
