"""Requests, order records, ticks and status over Redis: the only package that uses Redis."""
