"""Fields of a message: their text, and the layouts of requests."""
