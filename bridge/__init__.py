"""The values that cross Redis between the front and the worker, and the only code that both import."""
