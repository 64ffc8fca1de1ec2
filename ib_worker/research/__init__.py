"""Scanners and news: the scanner's parameters, headlines, and articles as text."""
