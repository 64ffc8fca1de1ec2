"""Draws a figure as a PNG, in a process of its own. The front imports `figure` of it, and the rest needs Pillow."""
