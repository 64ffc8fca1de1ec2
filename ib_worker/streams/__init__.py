"""Streams that handles read, kept over restarts."""
