"""The checks that a new or changed order must pass before it works."""
