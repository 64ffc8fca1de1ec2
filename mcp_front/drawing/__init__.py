"""Draws a figure as a PNG, in a process of its own. The front imports `figure` alone; the other modules need Pillow."""
